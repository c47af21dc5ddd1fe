"""Checks of one JSON value: each takes a value and returns what is wrong with it, as a message and a kind, or nothing.

Messages and kinds are pydantic's, which most providers' servers are made with."""

from fractions import Fraction


def text(least=0):
    def check(value):
        if not isinstance(value, str):
            return "Input should be a valid string", "string_type"
        if len(value) < least:
            return f"String should have at least {least} character", "string_too_short"
    return check


def truth(value):
    if not isinstance(value, bool):
        return "Input should be a valid boolean", "bool_type"


def number(least=None, most=None, multiple=1, kinds=(int,)):
    def check(value):
        if type(value) not in kinds:
            return "Input should be a valid integer", "int_type"
        if least is not None and value < least:
            return f"Input should be greater than or equal to {least}", "greater_than_equal"
        if most is not None and value > most:
            return f"Input should be less than or equal to {most}", "less_than_equal"
        if multiple > 1 and value % multiple:
            return f"Input should be a multiple of {multiple}", "multiple_of"
    return check


def choice(*words):
    def check(value):
        if value not in words:
            return f"Input should be {' or '.join(map(repr, words))}", "literal_error"
    return check


def ratio(least, most):
    """A text W:H between the two."""
    def check(value):
        try:
            width, height = map(int, value.split(":"))
            fits = Fraction(least) <= Fraction(width, height) <= Fraction(most)
        except (AttributeError, ValueError, ZeroDivisionError):
            fits = False
        if not fits:
            return f"Aspect ratio should lie between {least} and {most}", "value_error"
    return check
