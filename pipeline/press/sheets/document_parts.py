"""PDF/VT-1 document parts (ISO 16612-2, ISO 32000-2 14.12): which pages are whose record, for presses that address records.

A page belongs to one part, so that only one-up pages can be told apart; on a press sheet several records lie side by side.
"""

from array import array

from pipeline.press.writer import PdfWriter, literal

# `DParts` is an array of arrays; 8,191 elements is what readers take in one (ISO 32000-1, annex C).
_MOST_IN_ARRAY = 8191


class DocumentParts:
    """One level of records below the root, in page order."""

    def __init__(self, writer: PdfWriter) -> None:
        self._writer = writer
        self._root, self._top = writer.reserve(), writer.reserve()
        self._leaves = array("L")

    def begin(self) -> int:
        """The part that the next pages belong to: its object number, for their `DPart`."""
        self._leaves.append(self._writer.reserve())
        return self._leaves[-1]

    def end(self, record: str, sequence: int, first_page: int, last_page: int) -> None:
        """Write the part that `begin` opened. Its metadata say which piece it is and its number in mailing order."""
        pages = b"/Start %d 0 R" % first_page
        if last_page != first_page:
            pages += b"/End %d 0 R" % last_page
        self._writer.add(
            b"<</Type/DPart/Parent %d 0 R%b/DPM<</RecordID%b/Sequence %d>>>>"
            % (self._top, pages, literal(record), sequence),
            self._leaves[-1],
        )

    def close(self) -> bytes:
        """Write the tree; gives the catalog's entry."""
        arrays = [
            b"[" + b" ".join(b"%d 0 R" % leaf for leaf in self._leaves[start : start + _MOST_IN_ARRAY]) + b"]"
            for start in range(0, len(self._leaves), _MOST_IN_ARRAY)
        ]
        self._writer.add(b"<</Type/DPart/Parent %d 0 R/DParts[%b]>>" % (self._root, b"".join(arrays)), self._top)
        self._writer.add(
            b"<</Type/DPartRoot/DPartRootNode %d 0 R/RecordLevel 1/NodeNameList[/Batch/Record]>>" % self._top,
            self._root,
        )
        return b"/DPartRoot %d 0 R" % self._root
