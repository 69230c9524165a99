"""What DreamRNN promises, tried on the real daemon: ``make torture``.

Four parts, each with its sizes and a seed, that can be run alone: random kills, mutated packets,
broken files, a soak. ``tests/test_torture.py`` runs short forms of them, ``python -m torture``
(from here, with ``tests`` in ``PYTHONPATH``) any; it writes the figures into
``docs/reliability.md``. Each part gives an :class:`torture.outcome.Outcome`.
"""
