"""The metadata packet of a PDF/X-4 file (ISO 15930-7, 6.7), and of its PDF/VT-1 kin (ISO 16612-2).

Dates and ids come from the job and from the bytes, so that imposing twice writes the same packet.
"""

from dataclasses import dataclass
from datetime import datetime
from html import escape
from uuid import UUID

PRODUCER = "MailStream"

_NAMESPACES = (
    ("dc", "http://purl.org/dc/elements/1.1/"),
    ("pdf", "http://ns.adobe.com/pdf/1.3/"),
    ("pdfvtid", "http://www.npes.org/pdfvt/ns/id/"),
    ("pdfxid", "http://www.npes.org/pdfx/ns/id/"),
    ("xmp", "http://ns.adobe.com/xap/1.0/"),
    ("xmpMM", "http://ns.adobe.com/xap/1.0/mm/"),
)


@dataclass(frozen=True)
class Packet:
    """`document` and `instance` are 16 bytes each: the one names the drop's file, the other what it holds."""

    title: str
    moment: datetime
    document: bytes
    instance: bytes
    with_records: bool

    def xml(self) -> bytes:
        when = f"{self.moment:%Y-%m-%dT%H:%M:%SZ}"
        simple = [
            ("pdfxid:GTS_PDFXVersion", "PDF/X-4"),
            *([("pdfvtid:GTS_PDFVTVersion", "PDF/VT-1"), ("pdfvtid:GTS_PDFVTModDate", when)] * self.with_records),
            ("pdf:Trapped", "False"),
            ("pdf:Producer", PRODUCER),
            ("xmp:CreatorTool", PRODUCER),
            ("xmp:CreateDate", when),
            ("xmp:ModifyDate", when),
            ("xmp:MetadataDate", when),
            ("xmpMM:DocumentID", f"uuid:{UUID(bytes=self.document)}"),
            ("xmpMM:InstanceID", f"uuid:{UUID(bytes=self.instance)}"),
            ("xmpMM:VersionID", "1"),
            ("xmpMM:RenditionClass", "default"),
        ]
        spaces = "".join(f'\n    xmlns:{prefix}="{uri}"' for prefix, uri in _NAMESPACES)
        lines = "\n".join(f"   <{name}>{escape(value, quote=False)}</{name}>" for name, value in simple)
        return (
            '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
            '<x:xmpmeta xmlns:x="adobe:ns:meta/">\n'
            ' <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">\n'
            f'  <rdf:Description rdf:about=""{spaces}>\n'
            f'   <dc:title><rdf:Alt><rdf:li xml:lang="x-default">{escape(self.title, quote=False)}</rdf:li></rdf:Alt></dc:title>\n'
            "   <dc:format>application/pdf</dc:format>\n"
            f"{lines}\n"
            '  </rdf:Description>\n </rdf:RDF>\n</x:xmpmeta>\n<?xpacket end="r"?>'
        ).encode()
