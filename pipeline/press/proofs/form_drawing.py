"""The parts of the press form: crosses, rulers and ladders at every edge, steps of grey, sample bars. All in K.

Each part is a string of PDF operators. What stands at an edge is drawn for the foot, with the paper's edge as its level axis and
the middle of the edge as its origin, and turned for the other three: one reads it with that edge towards oneself.
"""

from dataclasses import dataclass

from pipeline.address.imb import encode, tracking_code
from pipeline.press.geometry import Rect, numbers, pt
from pipeline.press.proofs.measures import MM_PER_INCH, Edge, Place
from pipeline.press.sheets import bars
from pipeline.press.typeface import address_typeface, printable, show

TEXT, BARS = "F", "B"
"""The form's fonts, as its pages name them."""
HAIR_PT, LINE_PT = 0.25, 0.5
LADDER_STEP, LADDER_END = 2, 50
"""Hundredths of an inch."""
RULER_IN = 2.0
GREYS = (5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 100)
PHASES = (0, 1, 2, 3)
"""Sample bars are moved by so many quarters of 1/600 in, along and across: where a press has a grid of its own, widths differ."""

_ARM_IN, _RING_IN = 0.25, 0.1
_LABEL_PT, _SMALL_PT = 6.0, 4.5
_RUNG_IN, _RUNG_PITCH_IN, _LADDER_FROM_IN = 0.1, 0.13, -2.0
_NUMBERS_IN = 0.56
_RULER_AT_IN = 1.75
_PHASE_PT = 72 / 600 / 4
_ROUND = 0.5523
_SAMPLE = encode(tracking_code("310", "123456", 789), "83702123401")
# By the eighth of an inch, or the fifth of a millimetre, that ends there: how long the tick is.
_INCH_TICKS = {16: 0.15, 8: 0.11, 4: 0.08, 2: 0.055, 1: 0.035}
_MM_TICKS = {10: 0.13, 5: 0.09, 1: 0.05}


def cross(place: Place, x: float, y: float, *, ring: bool) -> str:
    """Named, and with x and y at the arms that point to the edges. With a ring on the front alone, so that the two can be told
    apart against the light."""
    arm = pt(_ARM_IN)
    lines = f"{_line(x - arm, y, x + arm, y)} {_line(x, y - arm, x, y + arm)}"
    drawn = f"q 0 0 0 1 K {HAIR_PT} w {lines} {_circle(x, y, pt(_RING_IN)) if ring else ''} S Q\n"
    outwards, upwards = (-1 if "left" in place else 1), ("upper" in place)
    drawn += centred("x", x + outwards * (arm + 5), y - 1.8)
    drawn += centred("y", x, y + arm + 3 if upwards else y - arm - 7)
    name = y - arm - 9 if upwards else y + arm + 4
    return drawn + centred(place.replace("_", " "), x, name)


def at_edge(edge: Edge, width_pt: float, height_pt: float) -> str:
    """Ladder and ruler of one edge of the sheet."""
    matrix = {
        "foot": (1, 0, 0, 1, width_pt / 2, 0),
        "right": (0, 1, -1, 0, width_pt, height_pt / 2),
        "head": (-1, 0, 0, -1, width_pt / 2, height_pt),
        "left": (0, -1, 1, 0, 0, height_pt / 2),
    }[edge]
    return f"q {numbers(*matrix)} cm\n{_ladder(edge)}{_ruler()}Q\n"


def greys(x: float, y: float, width_pt: float) -> str:
    """A row of patches in K, their percentage below each; `y` is the foot of the patches."""
    each, drawn = width_pt / len(GREYS), []
    for number, percent in enumerate(GREYS):
        left = x + number * each
        drawn.append(f"0 0 0 {percent / 100:g} k {numbers(left, y, each, 20)} re f\n")
        drawn.append(centred(f"{percent}", left + each / 2, y - 7, _SMALL_PT))
    return f"q {''.join(drawn)}Q\n"


def sample_bars(x: float, y: float, phase: int, *, upright: bool = False) -> str:
    """One sample barcode in 100 % K with its lower left at (x, y), moved by its phase."""
    x, y = x + phase * _PHASE_PT, y + phase * _PHASE_PT
    matrix = f"0 1 -1 0 {numbers(x + bars.FULL_PT, y)}" if upright else f"1 0 0 1 {numbers(x, y)}"
    return f"BT 0 0 0 1 k /{BARS} 1 Tf {matrix} Tm ({_SAMPLE}) Tj ET\n"


def text(words: str, x: float, y: float, size: float = _LABEL_PT) -> str:
    return show(words, font=TEXT, size_pt=size, at=(x, y))


def centred(words: str, x: float, y: float, size: float = _LABEL_PT) -> str:
    return text(words, x - width_pt(words, size) / 2, y, size)


def width_pt(words: str, size: float) -> float:
    return address_typeface().width_pt(printable(words), size)


@dataclass
class Column:
    """Lines of text from the top of a box down; `y` is where the last one stands."""

    box: Rect
    y: float = 0.0

    def __post_init__(self) -> None:
        self.y = self.box.top_pt

    def write(self, words: str, size: float, *, gap: float = 0.0) -> str:
        """A paragraph, its lines broken at the box's width."""
        drawn, line = [], ""
        self.y -= gap
        for word in words.split():
            longer = f"{line} {word}".strip()
            if line and width_pt(longer, size) > self.box.width_pt:
                drawn.append(self._end(line, size))
                longer = word
            line = longer
        return "".join([*drawn, self._end(line, size)])

    def _end(self, line: str, size: float) -> str:
        self.y -= 1.35 * size
        return text(line, self.box.x_pt, self.y, size)


def _ladder(edge: Edge) -> str:
    """Rungs along the edge, each further from it than the last by 1/50 in; its number stands where every press prints."""
    rungs, leads, labels = [], [], []
    for step, hundredths in enumerate(range(0, LADDER_END + 1, LADDER_STEP)):
        left, up = pt(_LADDER_FROM_IN + step * _RUNG_PITCH_IN), pt(hundredths / 100)
        middle = left + pt(_RUNG_IN) / 2
        rungs.append(_line(left, up, left + pt(_RUNG_IN), up))
        leads.append(_line(middle, up + 2, middle, pt(_NUMBERS_IN) - 1.5))
        labels.append(centred(f"{hundredths}", middle, pt(_NUMBERS_IN), _SMALL_PT))
    about = f"ladder, {edge}: the number of the whole rung nearest the edge, in 1/100 in"
    labels.append(text(about, pt(_LADDER_FROM_IN), pt(_NUMBERS_IN) + 8, _SMALL_PT + 0.5))
    return (
        f"q 0 0 0 1 K {LINE_PT} w {' '.join(rungs)} S 0 0 0 0.4 K {HAIR_PT} w {' '.join(leads)} S Q\n{''.join(labels)}"
    )


def _ruler() -> str:
    """From the edge inwards: inches to the left of its line, millimetres to the right."""
    x, end = pt(_RULER_AT_IN), pt(RULER_IN)
    ticks, labels = [_line(x, 0, x, end)], []
    for sixteenth in range(int(RULER_IN * 16) + 1):
        up, long = pt(sixteenth / 16), _longest(_INCH_TICKS, sixteenth)
        ticks.append(_line(x - pt(long), up, x, up))
        if sixteenth % 16 == 0 and sixteenth:
            labels.append(centred(f"{sixteenth // 16}", x - pt(long) - 4, up - 1.6, _SMALL_PT))
    for mm in range(int(RULER_IN * MM_PER_INCH) + 1):
        up, long = pt(mm / MM_PER_INCH), _longest(_MM_TICKS, mm)
        ticks.append(_line(x, up, x + pt(long), up))
        if mm % 10 == 0 and mm:
            labels.append(text(f"{mm}", x + pt(long) + 1.5, up - 1.6, _SMALL_PT))
    labels += [centred("in", x - 7, end + 4, _SMALL_PT), centred("mm", x + 8, end + 4, _SMALL_PT)]
    return f"q 0 0 0 1 K {HAIR_PT} w {' '.join(ticks)} S Q\n{''.join(labels)}"


def _longest(ticks: dict[int, float], number: int) -> float:
    return next(long for every, long in ticks.items() if number % every == 0)


def _line(x1: float, y1: float, x2: float, y2: float) -> str:
    return f"{numbers(x1, y1)} m {numbers(x2, y2)} l"


def _circle(x: float, y: float, radius: float) -> str:
    bend = radius * _ROUND
    quarters = (
        (x + radius, y + bend, x + bend, y + radius, x, y + radius),
        (x - bend, y + radius, x - radius, y + bend, x - radius, y),
        (x - radius, y - bend, x - bend, y - radius, x, y - radius),
        (x + bend, y - radius, x + radius, y - bend, x + radius, y),
    )
    return f"{numbers(x + radius, y)} m " + " ".join(f"{numbers(*quarter)} c" for quarter in quarters)
