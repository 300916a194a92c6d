"""Times in files as UTC instants, and time spent as seconds."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

# Hours from UTC of the zone names that exports write; pandas knows none of them.
ZONES = {"UTC": 0, "GMT": 0, "PST": -8, "PDT": -7, "MST": -7, "MDT": -6, "CST": -6, "CDT": -5, "EST": -5, "EDT": -4}
_ZONE = re.compile(r"\b(" + "|".join(ZONES) + r")\b")
EARLIEST_EPOCH, EARLIEST_MILLISECOND = 1e8, 1e11  # 1973 in seconds and in milliseconds; smaller numbers are no dates


def utc_times(values: Sequence[str | None] | pd.Series) -> NDArray[np.datetime64]:
    """(L,) datetime64[us]; ISO and other texts, or seconds or milliseconds since 1970; NaT where no time can be read."""
    codes, unique = pd.factorize(pd.Series(values, dtype="str"))
    times = _unique_times(pd.Series(unique, dtype="str"))
    return np.asarray(np.append(times, np.datetime64("NaT", "us"))[codes])


def _unique_times(texts: pd.Series) -> NDArray[np.datetime64]:
    numbers = pd.to_numeric(texts, errors="coerce").to_numpy(np.float64)
    times = np.full(len(texts), np.datetime64("NaT", "us"))
    epoch = np.isfinite(numbers) & (numbers >= EARLIEST_EPOCH) & (numbers < 1e14)
    scale = np.where(numbers[epoch] >= EARLIEST_MILLISECOND, 1e3, 1e6)
    times[epoch] = np.round(numbers[epoch] * scale).astype(np.int64).astype("datetime64[us]")
    words = ~np.isfinite(numbers)
    if words.any():
        times[words] = _parsed(texts[words].str.replace(_ZONE, _offset, regex=True))
    return times


def _offset(match: re.Match[str]) -> str:
    return f"{ZONES[match[1]]:+03d}:00"


def _parsed(texts: pd.Series) -> NDArray[np.datetime64]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pandas warns when it has to look at each text by itself
        times = pd.to_datetime(texts, utc=True, errors="coerce", format="ISO8601")
        lost = times.isna()
        if lost.any():
            known = texts[lost].str.replace(r"^[A-Z][a-z]{2} ([A-Z][a-z]{2}) +(\d+) ([\d:]+) (\S+) (\d{4})$", r"\2 \1 \5 \3\4", regex=True)
            times[lost] = pd.to_datetime(known, utc=True, errors="coerce", format="mixed").astype(times.dtype)
    instants: NDArray[np.datetime64] = times.dt.tz_localize(None).to_numpy("datetime64[us]")
    return instants


def seconds_spent(values: Sequence[str | None] | pd.Series) -> NDArray[np.float64]:
    """(L,) numbers; NaN where there is none."""
    texts = values if isinstance(values, pd.Series) else pd.Series(values, dtype="str")
    spent = pd.to_numeric(texts, errors="coerce").to_numpy(np.float64, na_value=np.nan)
    return np.where(np.isfinite(spent), spent, np.nan)


def between(start: NDArray[np.datetime64], end: NDArray[np.datetime64]) -> NDArray[np.float64]:
    """(L,) seconds from start to end; NaN where one of them is unknown."""
    spent = (end - start).astype("timedelta64[us]")
    return np.where(np.isnat(spent), np.nan, spent.astype(np.int64) / 1e6)
