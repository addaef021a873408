"""Which devices speak Icarus, and in what they differ: a new one is a row here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hw.drivers.errors import SettingError

SWEEP: Final = 1 << 32  # nonces


@dataclass(frozen=True, slots=True, kw_only=True)
class IcarusProfile:
    """A device: its hash rate [H/s], how many bytes of status follow a nonce, and where these figures are from.

    One with a `clock_mhz` [MHz] takes commands that set it; its hash rate, which is at that clock, follows in proportion.
    `parts` search equal parts of the sweep at the same time.
    """

    name: str
    title: str
    hashrate_hps: float
    status_bytes: int
    source: str
    clock_mhz: float | None = None
    parts: int = 1

    @property
    def answer_bytes(self) -> int:
        """How long an answer is."""
        return 4 + self.status_bytes

    def rate_at(self, clock_mhz: float | None) -> float:
        """Return the hash rate [H/s] at a clock [MHz]; devices without one have a single rate."""
        if self.clock_mhz is None or clock_mhz is None:
            return self.hashrate_hps
        return self.hashrate_hps * clock_mhz / self.clock_mhz


PROFILES: Final = {
    profile.name: profile
    for profile in (
        IcarusProfile(
            name="icarus",
            title="Icarus (2 FPGAs)",
            hashrate_hps=380e6,
            status_bytes=0,
            parts=2,
            source="bfgminer driver-icarus.c: 2.64083 ns a hash; read 2026",
        ),
        IcarusProfile(
            name="erupter",
            title="ASICMiner Block Erupter USB",
            hashrate_hps=336e6,
            status_bytes=0,
            source="bfgminer driver-erupter.c: 2.9761 ns a hash; read 2026",
        ),
        IcarusProfile(
            name="u1",
            title="Antminer U1 (BM1380)",
            hashrate_hps=1.6e9,
            status_bytes=1,
            clock_mhz=200.0,
            source="cgminer driver-icarus.c: 125 ns / MHz a hash, so 8 hashes a clock; read 2026",
        ),
        IcarusProfile(
            name="u2",
            title="Antminer U2 (BM1380)",
            hashrate_hps=1.6e9,
            status_bytes=1,
            clock_mhz=200.0,
            source="cgminer driver-icarus.c: 125 ns / MHz a hash, so 8 hashes a clock; read 2026",
        ),
    )
}


def profile(name: str) -> IcarusProfile:
    """Return the device called `name`; raise SettingError with those known."""
    if name not in PROFILES:
        raise SettingError(f"no Icarus device {name!r}; known: {', '.join(PROFILES)}")
    return PROFILES[name]
