"""Numbers as programs print them: accepted in full or not at all.

`0,57`, `12,345`, `9836/10000`, `91.2%` and `0.5s` are not numbers: a part of any of them would be another value. Nor is
a number that a sentence continues, as in `0 NaNs found`. All quantifiers are possessive or bounded, so that matching is
linear in the text.
"""

import re

_DIGITS = r"[0-9]{1,400}+"
"""Longer than any float that is printed in full; a longer run of digits is not a number."""
NUMBER = (
    rf"[-+]?+(?:(?:{_DIGITS}(?:\.[0-9]{{0,400}}+)?+|\.{_DIGITS})(?:[eE][-+]?+[0-9]{{1,6}}+)?+"
    r"|(?i:nan|infinity|inf))"
)
_QUOTE = r"[\"'](?![0-9A-Za-z])"
_CLOSED = rf"[ \t\r\n\f\v\x00;|)\]}}>]|,(?![0-9])|\.?\Z|\.[ \t]|{_QUOTE}"
ARROW = r"(?:[-=~]{1,4}>|[←-⇿➔-➾⟰-⟿⤀-⥿⬀-⯿])"
"""Between two values, of which the second is the newer."""
_COMPARED = (
    rf"(?![ \t]{{0,4}}(?:[%‰°…]|/[ \t]{{0,4}}[0-9]|{ARROW}|[<>=!~≈≠≤≥]{{1,3}}[ \t]{{0,4}}[-+]?+(?:[.0-9]|nan|inf)"
    r"|of[ \t]{1,4}[0-9]|out[ \t]of|[+*×^][ \t]{0,4}[0-9]"
    r"|[-–—][ \t]{0,4}[-+]?+[.0-9]{1,32}+(?:[ \t,;]|\Z)))"
)
_QUALIFIER = r"(?i:train|training|val|valid|validation|test|eval|best|avg|average|mean|final|last|and|with)[ ]"
NEXT_PAIR = (
    rf"(?:(?:{_QUALIFIER})?(?![0-9.])[\w\"'][\w./:@'\"-]{{0,128}}[ \t]{{0,8}}[=:]"
    r"|(?i:step|epoch|iteration|iter|batch)[ \t]{1,4}[\[0-9])"
)
"""The beginning of another pair."""
_BAR = r"(?:[0-9]{1,3}%(?:\||[ ][0-9]{1,15}/)|\||[0-9]{1,15}[A-Za-z]{1,16} ?\[)"
"""The beginning of a progress bar, behind its description and a colon."""
_ENDED = (
    r"[\t\r\n\f\v\x00|)\]}>]|[,;](?![ \t]{0,4}[-+]?[.]?[0-9])|\.?\Z|\.[ \t]"
    rf"|:[ ]{{1,4}}{_BAR}|{_QUOTE}|[ ](?:(?![\w.])|(?={NEXT_PAIR}))"
)
_WRAPPER = (
    r"(?:(?:(?:np|numpy|jnp|torch|tf|decimal)\.)?+(?:float[0-9]{2,3}|bfloat16|longdouble|u?int[0-9]{1,2}|longlong"
    r"|[Tt]ensor|[Aa]rray|Decimal)\(|<tf\.Tensor: shape=\(\), dtype=\w{1,16}, numpy=)?+[\"']?+"
)
"""How Python, NumPy, PyTorch, TensorFlow and JAX show a number in a container."""

VALUE = re.compile(rf"[\"']?+{_WRAPPER}({NUMBER})(?={_ENDED}){_COMPARED}")
"""A metric's value and its end; no part of a fraction, a range, a sentence or a quantity with a unit."""
MEAN_OF_FOLDS = re.compile(rf"({NUMBER})[ ]{{0,4}}+\+[ ]{{0,4}}+(?:{NUMBER})(?=\s|\Z)")
"""A mean and its deviation, as XGBoost (`0.93+0.01`) and LightGBM (`0.93 + 0.01`) print them in a cross-validation."""
_AVERAGE = r"(?i:(?:global|running)[ _]avg|avg|average|mean|median|ema|smoothed)[.]?[ \t]{0,4}[=:]?[ \t]{0,16}"
SECOND_VALUE = re.compile(
    rf"[\"']?[ \t]{{0,16}}+(?:\([ \t]{{0,16}}+(?:{_AVERAGE})?(?:{NUMBER})[ \t]{{0,16}}(?:{_AVERAGE})?\)"
    rf"|\[[ \t]{{0,16}}+{_AVERAGE}(?:{NUMBER})[ \t]{{0,16}}\])"
)
"""Another value behind the first, as in `0.5 (0.4)`: an average, a deviation or an error, depending on the program."""
_UNIT = r"(?![ \t]{0,2}(?:%|(?:[mun]?s|secs?|seconds?|min|mins|minutes?|h|hours?)(?![\w=:@/'-]|\.\w)))"
STEP = re.compile(rf"[\"'\[]?+{_WRAPPER}({NUMBER})(?=[ \t]{{0,4}}/[ \t]{{0,4}}[0-9]|:|{_CLOSED}){_UNIT}")
"""A step and its end; `3/10` is step 3, and a duration is none."""
_PHRASE = re.compile(rf"(?:(?!\t|[ ][ ]|;(?![0-9])|\||,?[ ]{NEXT_PAIR}).){{1,64}}")
_ALONE = re.compile(NUMBER)
_NUMERIC = re.compile(r"(?:[A-Za-z_][\w.]{0,32}\()?+(?:[^\w\s=]{1,4}+[ ]?+)?+\d")
"""Digits at the beginning, behind a few signs and the name of a type: `-0,5`, `~0.4`, `[0.3]`, `Fraction(1, 2)`."""


def number(text: str) -> float | None:
    """Return the number that a text is, None where it is not exactly one."""
    stripped = text.strip()
    return float(stripped) if _ALONE.fullmatch(stripped) else None


def phrase(text: str, start: int, value: int) -> str:
    """Return what is printed from `start` up to the end of the words that begin at `value`, for messages."""
    words = _PHRASE.match(text, value)
    return (text[start:value] + (words[0] if words else "")).strip()


def numeric(text: str) -> bool:
    """Return whether a text begins like a number, so that it is an error if it is not one."""
    return _NUMERIC.match(text) is not None
