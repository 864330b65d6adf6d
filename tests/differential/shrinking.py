"""Makes a failing run short: leaves out what the failure does not need."""


def shrink(steps, fails, is_needed=lambda step: False, most_tries=400):
    """The shortest part of `steps`, in their order, for which `fails(part)` is true, as far as it finds it.

    First tries how few of the last steps are enough, with those before them that are needed anyhow. Then leaves out
    ever smaller pieces, from the end on, until no single step can go.
    """
    steps = shortest_tail(steps, fails, is_needed)
    tries = 0
    size = max(len(steps) // 2, 1)
    while True:
        shortened = False
        end = len(steps)
        while end > 0 and tries < most_tries:
            start = max(end - size, 0)
            part = steps[:start] + steps[end:]
            tries += 1
            if part and fails(part):
                steps, shortened = part, True
            end = start
        if tries >= most_tries or (size == 1 and not shortened):
            return steps
        if not shortened or size > len(steps):
            size = max(min(size, len(steps)) // 2, 1)


def shortest_tail(steps, fails, is_needed):
    length = 1
    while length < len(steps):
        part = [step for step in steps[:-length] if is_needed(step)] + steps[-length:]
        if fails(part):
            return part
        length *= 3
    return steps


def simplify(steps, fails, simpler, most_tries=100):
    """Puts simpler steps in place of those that have one: `simpler(step)` gives lists of steps to try."""
    tries, index = 0, 0
    while index < len(steps):
        for replacement in simpler(steps[index]):
            tries += 1
            if tries > most_tries:
                return steps
            candidate = [*steps[:index], *replacement, *steps[index + 1 :]]
            if fails(candidate):
                steps = candidate
                break
        index += 1
    return steps
