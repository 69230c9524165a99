"""An hour on stage that plays itself: ``make set``, whose figures go to ``docs/reliability.md``.

:mod:`concert.stage` starts the programs and :mod:`concert.hearing` listens to what they play;
``tests/supercollider/concert.scd`` is the set. ``tests/test_concert.py`` plays a minute of it.
"""
