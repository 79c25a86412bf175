"""What HTML names that is not in it, whether WeasyPrint would ask for it or pass it over without a word.

A browser shows a picture for `srcset`, `mask-image` or `feImage`; WeasyPrint leaves them out. Whoever sends them would have a card
without the picture, so that they are told as what it does ask for.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any

import tinycss2

_XLINK = "{http://www.w3.org/1999/xlink}href"
_EMPTY_FRAMES = ("iframe", "frame", "video", "audio")
_SOURCES = ("img", "input", "source", "track", "embed", "image", "feImage", "use", "object", *_EMPTY_FRAMES)
_NAMED = ("src", "data", "poster", "href", "xlink:href", _XLINK)
# Of SVG, where they may hold url(…).
_PAINTS = (
    "fill",
    "stroke",
    "filter",
    "mask",
    "clip-path",
    "marker",
    "marker-start",
    "marker-mid",
    "marker-end",
    "cursor",
)
# Images may be named in these by text alone.
_IMAGES = ("image-set", "-webkit-image-set", "image", "cross-fade", "-webkit-cross-fade")
_NOT_ON_PAPER = re.compile(r"\s*(only\s+)?(screen|speech|aural|tv)\s*").fullmatch


def named_elsewhere(root: Any) -> Iterator[str]:
    """URLs in the elements from `root` on that are neither `data:` nor a part of the same page, as they stand there."""
    for element in root.iter():
        yield from filter(_is_elsewhere, _in_element(element))


def _is_elsewhere(url: str) -> bool:
    return bool(url.strip()) and not url.strip().lower().startswith(("#", "data:"))


def _in_element(element: Any) -> Iterator[str]:
    tag = str(element.tag).rpartition("}")[2]
    if tag in _SOURCES:
        named = [element.get(name) for name in _NAMED if element.get(name)]
        yield from named
        if tag in _EMPTY_FRAMES and not named:
            yield f"<{tag}>"
        # A URL may hold commas, and ends at a space.
        yield from (
            candidate.split()[0] for candidate in re.split(r",\s+", element.get("srcset", "").strip()) if candidate
        )
    if tag == "style":
        yield from _in_rules(tinycss2.parse_stylesheet(element.text or "", skip_comments=True, skip_whitespace=True))
    for text in (element.get("style"), *(element.get(name) for name in _PAINTS)):
        if text and "(" in text:
            yield from _in_tokens(tinycss2.parse_component_value_list(text, skip_comments=True))


def _in_rules(rules: Iterable[Any]) -> Iterator[str]:
    for rule in rules:
        if rule.type == "at-rule":
            if rule.lower_at_keyword == "namespace":
                continue
            if rule.lower_at_keyword == "media" and _NOT_ON_PAPER(tinycss2.serialize(rule.prelude).lower()):
                continue
        if rule.type in ("at-rule", "qualified-rule"):
            yield from _in_tokens(rule.content or ())


def _in_tokens(tokens: Iterable[Any]) -> Iterator[str]:
    for token in tokens:
        if token.type == "url":
            yield token.value
        elif token.type == "function":
            if token.lower_name in ("url", "src", *_IMAGES):
                yield from (one.value for one in token.arguments if one.type == "string")
            yield from _in_tokens(token.arguments)
        elif token.type in ("{} block", "[] block", "() block"):
            yield from _in_tokens(token.content)
