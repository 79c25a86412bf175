"""HTML that tests make artwork from: good pages, and pages that ask for what is not in them."""

import base64
import io
import random
from collections.abc import Mapping
from pathlib import Path

from PIL import Image

from pipeline.press.html.merge import merge

_STYLE = "<style>body { font: 14pt Arial } div { position: absolute; left: .5in; top: .5in; width: 5in }</style>"
GREETING = f"<!doctype html>{_STYLE}<div><h1>Hello {{{{first_name}}}}</h1><p>Your order {{{{order}}}} is ready.</div>"


def greeting(**values: str) -> str:
    return merge(GREETING, {"first_name": "Ada", "order": "1001", **values})


def written(path: Path, html: str) -> Path:
    path.write_text(html, encoding="utf-8")
    return path


def data_url(content: bytes | str, kind: str) -> str:
    body = content.encode() if isinstance(content, str) else content
    return f"data:{kind};base64,{base64.b64encode(body).decode()}"


def picture(colour: tuple[int, int, int] = (200, 0, 0)) -> str:
    """A `data:` URL of 300 x 300 pixels."""
    out = io.BytesIO()
    Image.new("RGB", (300, 300), colour).save(out, "PNG")
    return data_url(out.getvalue(), "image/png")


def noise(mode: str) -> str:
    """The same, and unlike anything else."""
    out = io.BytesIO()
    Image.frombytes(mode, (300, 300), random.Random(1).randbytes(300 * 300 * len(mode))).save(out, "PNG")
    return data_url(out.getvalue(), "image/png")


def shown(url: str) -> str:
    return f"<img src='{url}'>"


def svg(inside: str, before: str = "") -> str:
    links = "xmlns='http://www.w3.org/2000/svg' xmlns:xlink='http://www.w3.org/1999/xlink'"
    return data_url(f"{before}<svg {links} width='99' height='50'>{inside}</svg>", "image/svg+xml")


# What is loaded, and how the refusal names it.
LOADS: Mapping[str, tuple[str, str]] = {
    "picture by http": ("<img src='http://127.0.0.1:9/a.png'>", "http://127.0.0.1:9/a.png"),
    "picture by file": ("<img src='file:///etc/passwd'>", "file:///etc/passwd"),
    "picture beside": ("<img src='logo.png'>", "logo.png"),
    "without a scheme": ("<p style='background: url(//x.example/a.png)'>x", "https://x.example/a.png"),
    "another base": ("<base href='file:///etc/'><img src='hostname'>", "file:///etc/hostname"),
    "style sheet": ("<link rel=stylesheet href='https://x.example/a.css'>", "https://x.example/a.css"),
    "import": ("<style>@import url('a.css')</style>", "a.css"),
    "font": ("<style>@font-face { font-family: a; src: url(http://x.example/a.woff) }</style>", "http://x.example/a"),
    "bullet": ("<ul style='list-style-image: url(http://x.example/a)'><li>x</ul>", "http://x.example/a"),
    "generated": ("<style>p::before { content: url(http://x.example/a) }</style><p>x", "http://x.example/a"),
    "in SVG": ("<svg><image href='http://x.example/a.png' width=9 height=9 /></svg>", "http://x.example/a.png"),
    "SVG in data": (shown(svg("<image xlink:href='file:///etc/passwd' width='9' height='9'/>")), "file:///etc/passwd"),
    "SVG use": ("<svg><use href='http://x.example/a.svg#b' /></svg>", "http://x.example/a.svg"),
    "object": ("<object data='file:///etc/hostname'></object>", "file:///etc/hostname"),
    "attachment": ("<link rel=attachment href='file:///etc/hostname'>", "file:///etc/hostname"),
    "frame": ("<iframe src='https://x.example'></iframe>", "https://x.example"),
    "frame with a text": ("<iframe srcdoc='<p>x'></iframe>", "<iframe>"),
    "picture set": (
        f"<img src='{picture()}' srcset='{picture()} 1x, http://x.example/a.png 2x'>",
        "http://x.example/a.png",
    ),
    "picture source": (
        "<picture><source srcset='http://x.example/a.png'><img alt=x></picture>",
        "http://x.example/a.png",
    ),
    "picture button": ("<input type=image src='http://x.example/a.png'>", "http://x.example/a.png"),
    "image set": ("<p style='background: image-set(\"http://x.example/a.png\" 1x)'>x", "http://x.example/a.png"),
    "content": ("<p style='content: url(file:///etc/passwd)'>x", "file:///etc/passwd"),
    "mask": (
        "<style>@media print { p { mask-image: url('http://x.example/a.png') } }</style><p>x",
        "http://x.example/a.png",
    ),
    "variable": ("<p style='--u: url(http://x.example/a.png)'>x", "http://x.example/a.png"),
    "SVG paint": (
        "<svg><rect width=9 height=9 fill='url(http://x.example/a.svg#p)' /></svg>",
        "http://x.example/a.svg#p",
    ),
    "SVG filter": (
        "<svg><filter id=f><feImage href='http://x.example/a.png' /></filter></svg>",
        "http://x.example/a.png",
    ),
}

INSIDE: Mapping[str, str] = {
    "picture set": f"<img src='{picture()}' srcset='{picture()} 1x, {picture()} 2x' style='width: .1in'>",
    "part of the page": "<svg width=9 height=9><rect id=r width=9 height=9 fill='url(#p)'/><use href='#r'/></svg>",
    "for a screen": "<style>@media screen { p { background: url(http://x.example/a.png) } }</style><p style='margin: 1in'>x",
    "namespace": "<style>@namespace s url(http://www.w3.org/2000/svg); /* url(a.png) */</style><p style='margin: 1in'>x",
    "link": "<p style='margin: 1in'><a href='http://x.example/'>x</a>",
}
"""HTML that names what is in it, or what no paper would show."""

_LAUGHS = "".join(f"<!ENTITY a{at} '{f'&a{at - 1};' * 10}'>" for at in range(1, 10))
UNREADABLE: Mapping[str, str] = {
    "picture": "<img src='data:image/png;base64,AAAA'>",
    "base64": "<img src='data:image/png;base64,A'>",
    "entity": shown(svg("<text>&a;</text>", "<!DOCTYPE svg [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>")),
    "laughs": shown(svg("<text>&a9;</text>", f"<!DOCTYPE svg [<!ENTITY a0 'ha'>{_LAUGHS}]>")),
}
