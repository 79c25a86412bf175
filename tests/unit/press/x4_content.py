"""What content streams use: device colours (rule 9), spot colours (rule 10) and fonts (`x4_fonts`), with the resources in force."""

from dataclasses import dataclass, field
from typing import Any

import pikepdf

from tests.unit.press.x4_fonts import Fault, font_faults

# Text in this mode is for searching, and needs no font.
_INVISIBLE = 3
_SETS = {
    "g": "Gray", "G": "Gray", "rg": "RGB", "RG": "RGB", "k": "CMYK", "K": "CMYK",
}  # fmt: skip
_DEVICE = {
    "/DeviceGray": "Gray",
    "/DeviceRGB": "RGB",
    "/DeviceCMYK": "CMYK",
    "/G": "Gray",
    "/RGB": "RGB",
    "/CMYK": "CMYK",
}
_COVERED = {b"CMYK": {"CMYK", "Gray"}, b"RGB ": {"RGB", "Gray"}, b"GRAY": {"Gray"}}


def content_faults(pdf: pikepdf.Pdf) -> list[Fault]:
    walk = _Walk(_covered(pdf))
    for page in pdf.pages:
        walk.page(page)
    return [*walk.faults, *(fault for font, used in walk.fonts.values() for fault in font_faults(font, used))]


def _covered(pdf: pikepdf.Pdf) -> set[str]:
    """The device spaces that the intent gives a meaning to."""
    for intent in pdf.Root.get("/OutputIntents", ()):
        if isinstance(intent.get("/DestOutputProfile"), pikepdf.Stream):
            return _COVERED.get(intent.DestOutputProfile.read_bytes()[16:20], set())
    return set()


@dataclass
class _Walk:
    covered: set[str]
    faults: list[Fault] = field(default_factory=list)
    fonts: dict[tuple[int, int], tuple[pikepdf.Object, set[bytes]]] = field(default_factory=dict)
    _seen: set[tuple[int, int]] = field(default_factory=set)
    _spots: dict[str, bytes] = field(default_factory=dict)

    def page(self, page: pikepdf.Page) -> None:
        if "/Group" in page.obj:
            self._space(page.obj.Group.get("/CS"), page.resources, "group")
        self.holder(page.obj, page.resources)

    def holder(self, holder: pikepdf.Object, resources: pikepdf.Object) -> None:
        """A page, form, pattern or glyph; each once with the resources it names itself."""
        if holder.is_indirect and holder.objgen in self._seen:
            return
        self._seen.add(holder.objgen)
        self._resources(resources)
        font: pikepdf.Object | None = None
        is_seen, saved = True, list[tuple[pikepdf.Object | None, bool]]()
        for step in pikepdf.parse_content_stream(holder):
            name, operands = str(step.operator), list(step.operands)
            if name == "q":
                saved.append((font, is_seen))
            elif name == "Q" and saved:
                font, is_seen = saved.pop()
            elif name == "Tr":
                is_seen = int(operands[0]) != _INVISIBLE
            elif name in _SETS:
                self._device(_SETS[name], resources, name)
            elif name in {"cs", "CS"} and str(operands[0]) in _DEVICE:
                self._device(_DEVICE[str(operands[0])], resources, name)
            elif name == "INLINE IMAGE":
                self._space(operands[0].obj.get("/ColorSpace", operands[0].obj.get("/CS")), resources, "inline image")
            elif name == "PS":
                self.faults.append((13, "PS operator"))
            elif name == "Tf":
                font = resources.get("/Font", pikepdf.Dictionary()).get(operands[0])
            elif name in {"Tj", "TJ", "'", '"'} and font is not None and is_seen:
                self._shown(font, operands)

    def _resources(self, resources: pikepdf.Object) -> None:
        for space in resources.get("/ColorSpace", pikepdf.Dictionary()).values():
            self._space(space, resources, "colour space")
        for shading in resources.get("/Shading", pikepdf.Dictionary()).values():
            self._space(shading.get("/ColorSpace"), resources, "shading")
        for pattern in resources.get("/Pattern", pikepdf.Dictionary()).values():
            if isinstance(pattern, pikepdf.Stream):
                self.holder(pattern, pattern.get("/Resources", resources))
            elif isinstance(pattern, pikepdf.Dictionary) and "/Shading" in pattern:
                self._space(pattern.Shading.get("/ColorSpace"), resources, "pattern")
        for placed in resources.get("/XObject", pikepdf.Dictionary()).values():
            self._placed(placed, resources)
        for state in resources.get("/ExtGState", pikepdf.Dictionary()).values():
            mask = state.get("/SMask")
            if isinstance(mask, pikepdf.Dictionary):
                self._placed(mask.G, resources)

    def _placed(self, placed: pikepdf.Object, resources: pikepdf.Object) -> None:
        if placed.get("/Subtype") == "/Image":
            self._space(placed.get("/ColorSpace"), resources, "image")
            return
        if "/Group" in placed:
            self._space(placed.Group.get("/CS"), placed.get("/Resources", resources), "group")
        self.holder(placed, placed.get("/Resources", resources))

    def _space(self, space: Any, resources: pikepdf.Object, where: str) -> None:
        if isinstance(space, pikepdf.Name) and str(space) in _DEVICE:
            self._device(_DEVICE[str(space)], resources, where)
        elif isinstance(space, pikepdf.Array) and len(space):
            kind = str(space[0])
            if kind in {"/Indexed", "/I", "/Pattern"} and len(space) > 1:
                self._space(space[1], resources, where)
            elif kind in {"/Separation", "/DeviceN"}:
                self._space(space[2], resources, where)
            if kind == "/DeviceN" and len(space) > 4:
                for single in space[4].get("/Colorants", pikepdf.Dictionary()).values():
                    self._space(single, resources, where)
            if kind == "/Separation":
                self._spot(space)

    def _spot(self, space: pikepdf.Array) -> None:
        definition = _content(space[2]) + _content(space[3])
        if self._spots.setdefault(str(space[1]), definition) != definition:
            self.faults.append((10, str(space[1])))

    def _device(self, device: str, resources: pikepdf.Object, where: str) -> None:
        default = resources.get("/ColorSpace", pikepdf.Dictionary()).get(f"/Default{device}")
        if device not in self.covered and not isinstance(default, pikepdf.Array):
            self.faults.append((9, f"Device{device} in {where}"))

    def _shown(self, font: pikepdf.Object, operands: list[Any]) -> None:
        parts = [part for one in operands for part in (list(one) if isinstance(one, pikepdf.Array) else [one])]
        texts = {bytes(part) for part in parts if isinstance(part, pikepdf.String)} - {b""}
        if not texts:
            return
        self.fonts.setdefault(font.objgen, (font, set()))[1].update(texts)
        if font.Subtype == "/Type3":
            for glyph in font.CharProcs.values():
                self.holder(glyph, font.get("/Resources", pikepdf.Dictionary()))


def _content(value: Any) -> bytes:
    """What a value holds, references followed, so that two copies of one definition are the same."""
    if isinstance(value, pikepdf.Array):
        return b"[" + b" ".join(_content(item) for item in value) + b"]"
    if isinstance(value, pikepdf.Dictionary | pikepdf.Stream):
        skipped = ("/Length", "/Filter", "/DecodeParms")
        entries = b"".join(
            key.encode() + b" " + _content(item) for key, item in sorted(value.items()) if key not in skipped
        )
        return b"<<" + entries + b">>" + (value.read_bytes() if isinstance(value, pikepdf.Stream) else b"")
    return value.unparse() if isinstance(value, pikepdf.Object) else repr(value).encode()
