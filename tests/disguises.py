"""What a copy may be disguised by, "through some other means": for the judge's known answers.

Each takes samples at the rate of the measures and gives others. They are plain: a studio's pitch
shifter does it better, and sounds more like the copy that it is.
"""

import numpy as np
from scipy.signal import resample

from dreamd.evaluation.mel import RATE, Numbers, mel_bands

FRAME, HOP = 1024, 256
WINDOW = np.hanning(FRAME + 1)[:-1]


def equalised(samples: Numbers) -> Numbers:
    """Up to 12 dB more or less at nine places, straight lines between."""
    spectrum = np.fft.rfft(samples)
    hertz = np.maximum(np.fft.rfftfreq(len(samples), 1 / RATE), 20)
    gains = np.random.default_rng(3).uniform(-12, 12, 9)
    decibels = np.interp(np.log(hertz), np.log(np.geomspace(40, 5500, 9)), gains)
    return np.fft.irfft(spectrum * 10 ** (decibels / 20), len(samples))


def telephoned(samples: Numbers) -> Numbers:
    """300 to 3000 Hz and nothing else."""
    spectrum, hertz = np.fft.rfft(samples), np.fft.rfftfreq(len(samples), 1 / RATE)
    return np.fft.irfft(spectrum * ((hertz > 300) & (hertz < 3000)), len(samples))


def noisy(samples: Numbers, decibels: float) -> Numbers:
    noise = np.random.default_rng(6).standard_normal(len(samples)) * samples.std()
    return samples + 10 ** (decibels / 20) * noise


def clicking(samples: Numbers, peak: float = 0.1) -> Numbers:
    """A click each 1024 samples, of so much of the peak."""
    clicks = samples.copy()
    clicks[::1024] += peak * np.abs(samples).max()
    return clicks


def tremolo(samples: Numbers, hertz: float, depth: float) -> Numbers:
    t = np.arange(len(samples)) / RATE
    return samples * (1 - depth * (0.5 + 0.5 * np.sin(2 * np.pi * hertz * t)))


def without_phases(samples: Numbers) -> Numbers:
    spectra = stft(samples)
    turns = np.random.default_rng(1).random(spectra.shape)
    return istft(np.abs(spectra) * np.exp(2j * np.pi * turns), len(samples))


def through_mel(samples: Numbers, bands: int = 64, rounds: int = 16) -> Numbers:
    """The levels in mel bands, and back by Griffin and Lim's iteration."""
    spectra, mel = stft(samples), mel_bands(bands, 0.0, RATE / 2)
    power = np.maximum((np.abs(spectra) ** 2 @ mel.T) @ np.linalg.pinv(mel).T, 0)
    phases = np.exp(2j * np.pi * np.random.default_rng(2).random(spectra.shape))
    for _ in range(rounds):
        again = stft(istft(np.sqrt(power) * phases, len(samples)))
        phases = again / np.maximum(np.abs(again), 1e-9)
    return istft(np.sqrt(power) * phases, len(samples))


def tape(samples: Numbers, speed: float) -> Numbers:
    """Faster and higher, or slower and lower."""
    return np.asarray(resample(samples, int(len(samples) / speed)))


def stretched(samples: Numbers, times: float) -> Numbers:
    """Longer at the same pitch: a phase vocoder, each step as in the original at that place."""
    hop = FRAME // 8
    padded = np.pad(samples, (FRAME // 2, FRAME + hop))
    starts = (np.arange(int(len(samples) * times / hop)) * hop / times).astype(int)
    frames = np.lib.stride_tricks.sliding_window_view(padded, FRAME)
    here, next_ = (np.fft.rfft(frames[starts + k] * WINDOW) for k in (0, hop))
    turns = np.angle(next_) - np.angle(here)
    phases = np.angle(here[0]) + np.cumsum(turns, axis=0) - turns
    return istft(np.abs(here) * np.exp(1j * phases), int(len(samples) * times), hop)


def shifted(samples: Numbers, semitones: float) -> Numbers:
    """Higher at the same tempo."""
    ratio = 2 ** (semitones / 12)
    return tape(stretched(samples, ratio), ratio)


def vibrato(samples: Numbers, hertz: float, semitones: float) -> Numbers:
    """So much higher and lower, to and fro."""
    t = np.arange(len(samples)) / RATE
    depth = (2 ** (semitones / 12) - 1) / (2 * np.pi * hertz)
    return np.interp(t + depth * np.sin(2 * np.pi * hertz * t), t, samples)


def detuned(samples: Numbers) -> Numbers:
    """Every two seconds by another interval, of up to two semitones."""
    pieces = samples[: len(samples) // (2 * RATE) * 2 * RATE].reshape(-1, 2 * RATE)
    by = np.random.default_rng(4).uniform(-2, 2, len(pieces))
    return np.concatenate([shifted(*each) for each in zip(pieces, by, strict=True)])


def reordered(samples: Numbers, seconds: float) -> Numbers:
    """Cut into pieces, each faded for 10 ms, and put into another order."""
    size, fade = int(seconds * RATE), int(0.01 * RATE)
    pieces = samples[: len(samples) // size * size].reshape(-1, size).copy()
    rise = np.linspace(0, 1, fade, dtype=np.float32)
    pieces[:, :fade] *= rise
    pieces[:, -fade:] *= rise[::-1]
    return pieces[np.random.default_rng(5).permutation(len(pieces))].ravel()


def stft(samples: Numbers) -> Numbers:
    """Complex, ``(frames, FRAME/2 + 1)``."""
    padded = np.pad(samples, (FRAME // 2, FRAME))
    frames = np.lib.stride_tricks.sliding_window_view(padded, FRAME)[::HOP]
    return np.fft.rfft(frames * WINDOW)


def istft(spectra: Numbers, count: int, hop: int = HOP) -> Numbers:
    """``count`` samples: the frames windowed once more, and added."""
    sound = np.zeros(len(spectra) * hop + FRAME)
    weights = np.zeros_like(sound)
    for k, frame in enumerate(np.fft.irfft(spectra, FRAME)):
        sound[k * hop : k * hop + FRAME] += frame * WINDOW
        weights[k * hop : k * hop + FRAME] += WINDOW**2
    return (sound / np.maximum(weights, 1e-3))[FRAME // 2 : FRAME // 2 + count]
