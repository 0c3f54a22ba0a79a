"""Made-up personal strings in many spellings, product numbers in many more, and a scanner."""
import random
import re

EMAIL_SHAPES = (
    "{t}@example.com", "jane.{t}@mail.example.co.uk", "{t}+news@example.org", "J.{t}@EXAMPLE.NET",
    "<{t}@example.com>", "mailto:{t}@example.com", "{t}_x@sub-domain.example.io", "\"{t}@a-b.de\"",
)
# N stands for a random digit; each has at least eight digits of its own, so that none is found by
# chance.
PHONE_SHAPES = (
    "+49 30 NNNNNNNN", "+49 (0)30 NNNNNNNN", "+4915NNNNNNNNN", "0049 151 NNNNNNNN",
    "+44 20 7NNN NNNN", "+1 212 555 NNNN", "+1-415-NNN-NNNN", "(212) NNN-NNNN",
    "+33 6 NN NN NN NN", "+1 (650) NNN-NNNN", "+81 90-NNNN-NNNN", "+43 664 NNNNNNN",
)
CARD_SHAPES = ("4:16", "51:16", "55:16", "34:15", "37:15", "6011:16", "2221:16")
CARD_GROUPS = {16: (4, 4, 4, 4), 15: (4, 6, 5)}


def digits_of(text):
    return re.sub(r"\D", "", text)


def luhn(payload):
    total = 0
    for i, digit in enumerate(reversed(payload)):
        value = int(digit) * (2 if i % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return str(-total % 10)


def make_card(chance, i):
    prefix, length = CARD_SHAPES[i % len(CARD_SHAPES)].split(":")
    number = prefix + "".join(chance.choices("0123456789", k=int(length) - 1 - len(prefix)))
    number += luhn(number)
    separator = ("", " ", "-")[i // len(CARD_SHAPES) % 3]
    if not separator:
        return number
    groups, at = [], 0
    for n in CARD_GROUPS[len(number)]:
        groups.append(number[at : at + n])
        at += n
    return separator.join(groups)


class Planted:
    """Strings that must not be found again, and where each was put."""

    def __init__(self, seed):
        self.chance = random.Random(seed)
        self.tokens = {}  # of e-mail addresses and ids
        self.numbers = {}  # digits of phones and cards
        self.made = 0

    def token(self, where):
        token = "zq" + "".join(self.chance.choices("bcdfghjklmnpqrstvwxz", k=10))
        self.tokens[token] = where
        return token

    def next(self, where):
        """E-mail addresses, phone and card numbers in turn."""
        i = self.made
        self.made += 1
        kind, shape = i % 3, i // 3
        if kind == 0:
            address = EMAIL_SHAPES[shape % len(EMAIL_SHAPES)]
            return address.format(t=self.token(f"{where}: {address}"))
        if kind == 1:
            form = PHONE_SHAPES[shape % len(PHONE_SHAPES)]
            text = re.sub("N", lambda _: self.chance.choice("23456789"), form)
        else:
            text = make_card(self.chance, shape)
        self.numbers[digits_of(text)] = f"{where}: {text}"
        return text

    def found_in(self, data):
        """The places of those that stand in bytes, as they were or with other separators."""
        found = [self.tokens[token] for token in
                 {match.decode() for match in re.findall(rb"zq[b-z]{10}", data.lower())}
                 if token in self.tokens]
        for run in re.findall(rb"\+?\(?\d[\d ().+\-/]{8,40}", data):
            number = digits_of(run.decode())
            found += [self.numbers[number[a:b]]
                      for a in range(len(number))
                      for b in range(a + 9, min(a + 18, len(number) + 1))
                      if number[a:b] in self.numbers]
        return sorted(set(found))


def with_check(payload):
    """The check digit of GTINs and ISBN-13."""
    total = sum(int(d) * (3 if i % 2 == 0 else 1) for i, d in enumerate(reversed(payload)))
    return payload + str(-total % 10)


def isbn10(payload):
    total = sum(int(d) * (10 - i) for i, d in enumerate(payload))
    check = -total % 11
    return payload + ("X" if check == 10 else str(check))


def product_query(chance, i):
    """A query for an EAN, UPC, ISBN or SKU, alone or with words."""
    def some(n, first="0123456789"):
        return chance.choice(first) + "".join(chance.choices("0123456789", k=n - 1))

    title = some(6)
    german = "97831" + title[0] + title
    sizes = ("S", "XL", "BLK")
    shapes = (
        lambda: with_check(chance.choice(("40", "50", "30", "87", "69", "76")) + some(10)),
        lambda: with_check(some(7)),
        lambda: with_check(some(11)),
        lambda: with_check("978" + some(9)),
        lambda: isbn10(some(9)),
        lambda: with_check(german),
        lambda: "-".join(("978", "3", "1" + title[0], title, with_check(german)[-1])),
        lambda: "-".join(("0", "19", title, isbn10("019" + title)[-1])),
        lambda: f"{chance.choice('ABCD')}{chance.choice('XYZ')}-{some(5)}-{chance.choice(sizes)}",
        lambda: "B0" + "".join(chance.choices("0123456789ABCDEFGHJKLMNP", k=8)),
        lambda: f"SKU{some(8)}",
        lambda: f"{some(4)}-{chance.choice('KLM')}{some(4)}",
    )
    number = shapes[i % len(shapes)]()
    return (number, f"EAN {number}", f"buy {number} online", f"{number} case")[i // len(shapes) % 4]
