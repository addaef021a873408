"""Machine code is counted from a listing: the longest loop, by pipe."""

from __future__ import annotations

import pytest

from miner.backends.gpu_sass import Counts, loop_counts

# Written after the form of nvdisasm 13: an address, maybe a predicate, a name and operands; labels; branches to labels.
LISTING = """
.text.search:
        /*0000*/                   LDC R1, c[0x0][0x28] ;
        /*0010*/                   S2R R0, SR_TID.X ;
.L_x_2:
        /*0020*/                   PRMT R3, R0, 0x123, RZ ;
        /*0030*/                   IMAD R4, R3, R2, UR4 ;
        /*0040*/                   SHF.L.W.U32.HI R5, R4.reuse, 0x1a, R4 ;
        /*0050*/                   IMAD.WIDE.U32 R6, R4, R9, RZ ;
        /*0060*/                   LOP3.LUT R5, R5, R6, R7, 0x96, !PT ;
.L_x_1:
        /*0070*/              @!P0 IADD3 R5, R5, R8, R7 ;
        /*0080*/               @P1 BRA `(.L_x_1) ;
        /*0090*/                   UIADD3 UR4, UR4, 0x1, URZ ;
        /*00a0*/                   VIADD R0, R0, UR5 ;
        /*00b0*/                   ISETP.GE.U32.AND P0, PT, R0, UR6, PT ;
        /*00c0*/              @!P0 BRA `(.L_x_2) ;
        /*00d0*/                   EXIT ;
.L_x_3:
        /*00e0*/                   BRA `(.L_x_3);
"""


def test_the_longest_loop_is_counted_by_pipe() -> None:
    counts = loop_counts(LISTING)
    assert (counts.total, counts.alu, counts.fma, counts.wide) == (11, 6, 2, 1)
    assert counts.names["SHF.L.W.U32.HI"] == 1
    assert counts.names["BRA"] == 2
    assert "LDC" not in counts.names
    assert "EXIT" not in counts.names


def test_a_loop_within_is_counted_as_often_as_it_is_passed_through() -> None:
    once, often = loop_counts(LISTING), loop_counts(LISTING, inner_passes=4)
    assert often.total == once.total + 3 * 2
    assert often.names["IADD3"] == 4
    assert often.alu == once.alu + 3
    assert (often.fma, often.wide) == (once.fma, once.wide)
    with pytest.raises(ValueError, match="no loop"):
        loop_counts(LISTING.split(".L_x_1:")[0] + "        /*0070*/ BRA `(.L_x_2) ;\n", inner_passes=2)


def test_a_listing_without_a_loop_is_refused() -> None:
    with pytest.raises(ValueError, match="no loop"):
        loop_counts("        /*0000*/                   EXIT ;\n")


def test_the_fullest_pipe_binds_a_hash() -> None:
    """At 64 lanes a clock for each pipe and 128 for what an SM can issue; a wide product may take 1, 2 or 4 slots."""
    counts = Counts(total=3006, alu=1705, fma=1284, wide=121, names={})
    assert counts.clocks() == 1705 / 64
    assert counts.clocks(wide_slots=4) == max(1705, 1284 + 3 * 121) / 64
    assert Counts(total=3000, alu=1400, fma=1450, wide=0, names={}).clocks() == 3000 / 128
    assert Counts(total=2800, alu=1400, fma=1450, wide=0, names={}).clocks() == 1450 / 64
