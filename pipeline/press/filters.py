"""The filters of a stream in a PDF: of several, the first can be taken off and the others left."""

import pikepdf

# With run lengths too, which qpdf keeps apart.
WHOLLY = pikepdf.StreamDecodeLevel.specialized


def filters_of(stream: pikepdf.Stream) -> list[str]:
    """By name, in the order in which they are taken off."""
    given = stream.get("/Filter")
    return [str(one) for one in given.as_list()] if isinstance(given, pikepdf.Array) else [str(given)] if given else []


def parameters_of(stream: pikepdf.Stream) -> list[pikepdf.Object | None]:
    """One for each filter; those that refer to others only for filters that hold pictures."""
    given = stream.get("/DecodeParms")
    each = list(given.as_list()) if isinstance(given, pikepdf.Array) else [given]
    count = len(filters_of(stream))
    return (each + [None] * count)[:count]


def behind(stream: pikepdf.Stream, count: int) -> bytes:
    """What is left when so many filters are taken off. Raises `PdfError` for those that hold pictures, and for damaged data."""
    data = stream.read_raw_bytes()
    if not count:
        return data
    with pikepdf.new() as pdf:
        inner = pdf.make_stream(data)
        inner.Filter = pikepdf.Array([pikepdf.Name(name) for name in filters_of(stream)[:count]])
        written = [one.unparse(resolved=True) if one is not None else b"null" for one in parameters_of(stream)[:count]]
        inner.DecodeParms = pikepdf.Object.parse(b"[" + b" ".join(written) + b"]")
        return inner.read_bytes(WHOLLY)
