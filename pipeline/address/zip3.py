"""Which states a ZIP can be in, by its first three digits, with the ZIPs that are exceptions.

A wrong table would refuse good mail, so prefixes that are not in use belong to their neighbours, and a ZIP whose routes cross
a state line may name either side. Public knowledge (USPS Labeling List L002 and ZIPs known to serve both sides of a state line).
"""

_RANGES = """
005 NY
006-007 PR
008 VI
009 PR
010-027 MA
028-029 RI
030-038 NH
039-049 ME
050-054 VT
055 MA VT
056-059 VT
060-069 CT
070-089 NJ
090-099 AE
100-149 NY
150-196 PA
197-199 DE
200 DC VA MD
201 VA
202 DC
203 DC VA MD
204 DC MD
205 DC MD VA
206-219 MD
220-246 VA
247-269 WV
270-289 NC
290-299 SC
300-319 GA
320-339 FL
340 AA
341-349 FL
350-369 AL
370-385 TN
386-397 MS
398-399 GA
400-429 KY
430-459 OH
460-479 IN
480-499 MI
500-529 IA
530-549 WI
550-568 MN
569 DC
570-579 SD
580-589 ND
590-599 MT
600-629 IL
630-659 MO
660-679 KS
680-699 NE
700-715 LA
716-729 AR
730-732 OK
733 TX
734-749 OK
750-799 TX
800-819 CO
820-831 WY
832-839 ID
840-849 UT
850-869 AZ
870-884 NM
885 TX
886-899 NV
900-961 CA
962-966 AP
967-968 HI
969 GU MP PW FM MH
970-979 OR
980-994 WA
995-999 AK
"""

# ZIPs of another state than their prefix says, and ZIPs whose routes run into a neighbour.
_ALONE = """
06390 NY
20588 MD
20799 MD DC
73949 TX
96799 AS

30165 GA AL
30741 GA TN
31905 GA AL
37317 TN GA NC
38079 TN KY
42223 KY TN
51001 IA SD
52542 IA MO
54540 WI MI
56027 MN IA
56129 MN IA
56144 MN SD
56164 MN SD
56219 MN SD
57026 SD MN
57030 SD MN IA
57068 SD MN
57255 SD MN
57260 SD MN
57638 SD ND
57641 SD ND
57642 SD ND
57645 SD ND
57660 SD ND
57724 SD MT
58030 ND MN SD
58041 ND SD
58413 ND SD
58436 ND SD
58439 ND SD
58623 ND SD
58649 ND SD
58653 ND SD
59221 MT ND
59270 MT ND
63673 MO IL
65729 MO AR
65733 MO AR
65761 MO AR
66541 KS NE
67950 KS OK
68325 NE KS
68719 NE SD
68978 NE KS
68119 NE IA
68120 NE IA
69201 NE SD
69212 NE SD
69216 NE SD
71233 LA MS
71749 AR LA
72338 AR TN
72395 AR TN
72644 AR MO
73949 OK TX
75502 TX AR
75556 TX AR
79922 TX NM
80758 CO NE
81137 CO NM
81324 CO UT
82082 WY NE
82801 WY MT
83114 WY ID
83120 ID WY
83312 ID UT
83342 ID UT
84034 UT NV
84531 UT AZ
84536 UT AZ
85328 AZ NM
85534 AZ NM
86044 AZ UT
86504 AZ NM
86514 AZ UT NM
86515 AZ NM
87328 NM AZ
88063 NM TX
88220 NM TX
88430 NM TX
89010 NV CA
89019 NV CA
89060 NV CA
89061 NV CA
89421 NV OR
89439 NV CA
89832 NV ID
92328 CA NV
97635 OR CA
97910 OR ID
97913 OR ID
99033 WA ID
99128 WA ID
99362 WA OR
"""


def _by_prefix() -> list[tuple[str, ...]]:
    table: list[tuple[str, ...]] = [()] * 1000
    for line in _RANGES.split("\n"):
        if line:
            prefixes, *states = line.split()
            first, _, last = prefixes.partition("-")
            for prefix in range(int(first), int(last or first) + 1):
                table[prefix] = tuple(states)
    return table


def _alone() -> dict[str, tuple[str, ...]]:
    table: dict[str, tuple[str, ...]] = {}
    for line in _ALONE.split("\n"):
        if line:
            zip5, *states = line.split()
            table[zip5] = table.get(zip5, ()) + tuple(states)
    return table


_BY_PREFIX = _by_prefix()
_SINGLE = _alone()


def states_of_zip(zip5: str) -> tuple[str, ...]:
    """The states that a ZIP of five digits can be in, the likeliest first; empty where no ZIP begins so."""
    usual = _BY_PREFIX[int(zip5[:3])]
    alone = _SINGLE.get(zip5)
    return usual if alone is None else (*alone, *usual)
