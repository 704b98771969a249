"""What the page of an audit says in numbers and words."""

from ...bench.results.audit import Audit, Depth, Suspect


def answer(audit: Audit) -> str:
    """How many labels look wrong, of how many, and by what the rows are ranked."""
    ranked = f"rows are ranked by {audit.method}"
    if audit.wrong is None:
        return (
            f"How many of the {audit.rows:,} labels are wrong cannot be estimated, since no wrong labels were planted"
            f" to compare them with; {ranked}."
        )
    number = round(audit.wrong.value)
    verb = "is" if number == 1 else "are"
    return (
        f"About {number:,} of the {audit.rows:,} labels {verb} wrong or hard to tell from wrong,"
        f" between {round(audit.wrong.low):,} and {round(audit.wrong.high):,}"
        f" with 95\N{NO-BREAK SPACE}% confidence if errors look like planted ones; {ranked}."
    )


def limits(audit: Audit) -> str:
    """What the number of wrong labels leaves out; empty where there is none."""
    if audit.wrong is None:
        return ""
    return (
        "Counted are labels that contradict what models learn from the other rows, as the planted ones do. Where the"
        " data do not settle the label, right ones do so too, so the number of wrong labels may be far lower. Labels"
        " that are wrong by a rule, as where a keyword chose them, agree with the other rows and are not seen."
    )


def percent(share: float) -> str:
    """A share as a whole percentage, which is 0 % or 100 % only if the share is."""
    if 0 < share < 0.01:
        return "<1\N{NO-BREAK SPACE}%"
    if 0.99 < share < 1:
        return ">99\N{NO-BREAK SPACE}%"
    return f"{100 * share:.0f}\N{NO-BREAK SPACE}%"


def expectation(depth: Depth) -> str:
    """The share of the first rows that look wrong, with its interval."""
    precision = depth.precision
    return (
        f"Of the first {depth.rows:,} rows, about {percent(precision.value)} are wrong or hard to tell from"
        f" wrong ({percent(precision.low)} to {percent(precision.high)} with 95\N{NO-BREAK SPACE}% confidence)."
    )


def verdict(suspect: Suspect) -> str:
    """What the model says about the label, with probabilities."""
    given, suggested = percent(suspect.given_probability), percent(suspect.probability)
    if suspect.suggested == suspect.shown.given:
        return f"{given} likely, as the model agrees"
    return f"{suggested} likely, against {given}"
