"""Numbers for what a dream does in time, and how near it comes to its recording.

Three tell a dream that lives from a drone (:func:`measure`); stationary noise or a sine scores
near nothing in them, and they need nothing to compare with:

- *entries* a second: how often something begins. The level of 20 ms frames in dB relative to
  the whole, floored at -40, smoothed over three frames; an entry is a rise of at least 6 dB
  over the lowest of the 7 frames before, ending above -20 dB; entries are 300 ms apart.
- *life* in dB: how much the spectrum moves. At an RMS of 0.05, the power in 32 mel bands up to
  4 kHz (frames of 1024 at 11025 Hz, hop 256), smoothed over 0.2 s, plus 1e-6, in dB; the
  standard deviation over time of each band, averaged; the first eighth is left out.
- *drift* in dB: whether the level stays. RMS of 2 s stretches, the loudest over the median.

Three compare: :func:`alignment` of a dream's onsets with those that the cursor passed,
:func:`distance` of its mean spectrum from the recording's, and :func:`kept`, how much of what is
tonal in it lies at the partials of given notes. ``dreamd study`` prints all of them. All listen at
:data:`~dreamd.evaluation.mel.RATE`: they mean the same at every rate.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import uniform_filter1d

from dreamd.audio import plucked_string
from dreamd.audio.files import Samples
from dreamd.evaluation.mel import FRAME, RATE, Numbers, at_judge_s_rate, mel_bands

HOP, BANDS, HIGHEST = 256, 32, 4000.0


@dataclass(frozen=True)
class Liveliness:
    """Entries a second, life and drift in dB."""

    onset_rate: float
    liveliness: float
    drift: float


def measure(samples: Samples, rate: int) -> Liveliness:
    """The three numbers of at least two seconds of sound, ``(frames,)``."""
    heard = at_judge_s_rate(samples, rate)
    return Liveliness(onset_rate(heard), liveliness(heard), _drift(heard))


def onset_rate(samples: Samples) -> float:
    """Of samples at RATE."""
    size = int(0.02 * RATE)
    power = (samples[: len(samples) // size * size].reshape(-1, size) ** 2).mean(1)
    whole = float((samples**2).mean())
    level = 10 * np.log10(power / max(whole, 1e-20) + 1e-9)
    level = uniform_filter1d(np.maximum(level, -40.0), 3)
    count, last = 0, -np.inf
    for k in range(7, len(level)):
        rise = level[k] - level[k - 7 : k].min()
        if rise >= 6 and level[k] > -20 and (k - last) * 0.02 >= 0.3:
            count, last = count + 1, k
    return count / (len(samples) / RATE)


def liveliness(samples: Samples) -> float:
    """Of samples at RATE."""
    scaled = samples * (0.05 / max(np.sqrt(float((samples**2).mean())), 1e-9))
    frames = np.lib.stride_tricks.sliding_window_view(scaled, FRAME)[::HOP]
    power = np.abs(np.fft.rfft(frames * np.hanning(FRAME))) ** 2 @ mel_bands(BANDS, 0.0, HIGHEST).T
    smooth = uniform_filter1d(power, round(0.2 * RATE / HOP), axis=0)
    level = 10 * np.log10(smooth + 1e-6)
    return float(level[len(level) // 8 :].std(0).mean())


def drift(samples: Samples, rate: int) -> float:
    return _drift(at_judge_s_rate(samples, rate))


def _drift(samples: Samples) -> float:
    size = 2 * RATE
    stretches = samples[: len(samples) // size * size].reshape(-1, size)
    level = np.sqrt((stretches**2).mean(1))
    return float(20 * np.log10(level.max() / max(np.median(level), 1e-9)))


# ---------------------------------------------------------------- in comparison


def alignment(dream: Samples, passed: Samples, rate: int) -> float:
    """Whether things begin when they begin at the cursor: -1…1, 1 for the same onsets.

    The correlation of the two onset strengths (rises of the level in 10 ms frames, over
    -40 dB, smoothed over 50 ms), the best for a shift of up to 100 ms either way.
    """
    a, b = (_onset_strength(at_judge_s_rate(each, rate)) for each in (dream, passed))
    size = min(len(a), len(b)) - 20
    middle = b[10 : 10 + size]
    return max(float(np.corrcoef(a[k : k + size], middle)[0, 1]) for k in range(21))


def _onset_strength(samples: Samples) -> Numbers:
    size = RATE // 100
    power = (samples[: len(samples) // size * size].reshape(-1, size) ** 2).mean(1)
    level = np.maximum(10 * np.log10(power / max(power.max(), 1e-20) + 1e-9), -40.0)
    rises = np.maximum(np.diff(uniform_filter1d(level, 3)), 0.0)
    return np.asarray(uniform_filter1d(rises, 5)) + 1e-9 * np.arange(len(rises))


def distance(dream: Samples, recording: Samples, rate: int) -> float:
    """Root mean square difference of the mean mel spectra in dB, loudness set aside; each band
    counts from 60 dB under the whole."""
    a, b = (_mean_spectrum(at_judge_s_rate(each, rate)) for each in (dream, recording))
    return float(np.sqrt(np.mean((a - b) ** 2)))


def _mean_spectrum(samples: Samples) -> Numbers:
    frames = np.lib.stride_tricks.sliding_window_view(samples, FRAME)[::HOP]
    power = (np.abs(np.fft.rfft(frames * np.hanning(FRAME))) ** 2).mean(0) @ mel_bands(
        BANDS, 0.0, HIGHEST
    ).T
    return np.asarray(10 * np.log10(power / max(power.sum(), 1e-20) + 1e-6))


def highs(samples: Samples, rate: int) -> float:
    """The power that lies above what the other measures hear, over all of it, in dB."""
    power = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
    above = power[np.fft.rfftfreq(len(samples), 1 / rate) > RATE / 2].sum()
    return float(10 * np.log10(above / max(power.sum(), 1e-20) + 1e-12))


RINGING_FRAME, RINGS = 0.046, 20.0  # seconds; dB under the loudest of them


def ringing(samples: Samples, rate: int) -> float:
    """The share of the time, 0…1, in which what lies above what the other measures hear is within
    20 dB of its loudest: of picks and strikes little, of highs that ring on with the notes most.
    Of a rate that has no highs 0."""
    if rate <= RATE:
        return 0.0
    size = int(RINGING_FRAME * rate)
    frames = np.lib.stride_tricks.sliding_window_view(samples, size)[:: size // 2]
    there, window = np.fft.rfftfreq(size, 1 / rate) > RATE / 2, np.hanning(size)
    above = np.array([(np.abs(np.fft.rfft(each * window)[there]) ** 2).sum() for each in frames])
    return float((above > above.max() / 10 ** (RINGS / 10)).mean())


PEAK_FRAME, PEAK_BINS, ABOVE = 8192, 41, 4.0


def kept(samples: Samples, rate: int, notes: Sequence[float]) -> float:
    """The share, 0…1, of the tonal energy that lies at the partials of MIDI ``notes``.

    Tonal is what stands out: peaks of the spectrum (frames of 8192) of four times the power
    around them. A partial's place is a quarter tone either way, at least two bins.
    """
    samples, hertz = at_judge_s_rate(samples, rate), np.fft.rfftfreq(PEAK_FRAME, 1 / RATE)
    near = np.zeros(len(hertz), bool)
    for note in notes:
        fundamental = plucked_string.hertz(note)
        partials = fundamental * np.arange(1, int(RATE / 2 / fundamental) + 1)
        for partial in partials:
            width = min(max(partial * (2 ** (0.5 / 12) - 1), 2 * hertz[1]), fundamental / 3)
            near |= np.abs(hertz - partial) <= width
    frames = np.lib.stride_tricks.sliding_window_view(samples, PEAK_FRAME)[:: PEAK_FRAME // 4]
    tonal = 0.0
    there = 0.0
    for frame in frames:
        power = np.abs(np.fft.rfft(frame * np.hanning(PEAK_FRAME))) ** 2
        around = uniform_filter1d(power, PEAK_BINS)
        peak = np.zeros(len(power), bool)
        peak[1:-1] = (power[1:-1] > power[2:]) & (power[1:-1] > power[:-2])
        peak &= power > ABOVE * around
        wide = np.convolve(peak, np.ones(5), "same") > 0
        tonal += float(power[wide].sum())
        there += float(power[wide & near].sum())
    return there / max(tonal, 1e-20)
