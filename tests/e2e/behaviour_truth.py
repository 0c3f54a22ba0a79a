"""What the numbers of behaviour must be, by the rules of docs/metrics.md, from the events that were
sent: an event at a time, without a database. Events are those that count, as dictionaries in the
native form with `timestamp` in microseconds."""
import unicodedata
from collections import defaultdict

GAP, TYPING, LENGTH, PURCHASES = 300 * 10**6, 30 * 10**6, 1800 * 10**6, 86400 * 10**6
USED = ("facet", "filter", "sort", "paginate")
COUNTS = """intents intents_without_first_page intents_untracked intent_searches intent_pages clicks
clicks_by_session clicks_without_position""".split()


def normal(text):
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def related(a, b):
    return a == b or (a != "" and b != "" and (a.startswith(b) or b.startswith(a)))


def distance(a, b):
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        last, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (x != y))
    return row[-1]


def reworded(a, b):
    if a == b or not a or not b:
        return False
    if set(a.split(" ")) & set(b.split(" ")):
        return True
    a, b = a[:256], b[:256]
    return distance(a, b) * 2 <= max(len(a), len(b))


def page(search):
    return search.get("page") or 1


def hits(search):
    return search.get("total_hits", len(search["results"]) if "results" in search else None)


def answered(search):
    return search.get("status", "ok") in ("ok", "partial") and hits(search) is not None


def is_intent_search(event):
    return (event["event_type"] == "search" and not event.get("parent_query_id")
            and event.get("kind", "search") == "search" and not event.get("synthetic")
            and "bot" not in event.get("user_agent", ""))


def group_of(search):
    if search.get("intent_id"):
        return "intent", search["application"], search["intent_id"]
    if search.get("session_id"):
        return "session", search["session_id"], search.get("surface", "")
    return "search", search["event_id"], search["timestamp"]


def joins(search, before):
    gap = search["timestamp"] - before["timestamp"]
    if gap > GAP:
        return False
    if search.get("intent_id"):
        return True
    return (page(search) > 1 or gap <= TYPING) and related(search["query"], before["query"])


class Intent:
    def __init__(self, chain, following):
        self.head = chain[0]
        self.start = self.head["timestamp"]
        self.searches = [s for s in chain if s["timestamp"] < self.start + LENGTH]
        outcomes = [s for s in self.searches if answered(s) and page(s) == 1]
        self.outcome = outcomes[-1] if outcomes else None
        self.actions = {}
        last = self.searches[-1]
        self.reformulated = bool(
            following and following["timestamp"] - last["timestamp"] < GAP
            and following["timestamp"] < self.start + LENGTH
            and reworded(following["query"], last["query"]))

    def give(self, action, search, by_session):
        """Takes an action that belongs to one of its searches."""
        wanted = action["objects"][0] if action.get("objects") else {}
        shown = [r for r in search.get("results", []) if r["id"] == wanted.get("id")]
        self.actions.setdefault(action["event_id"], {
            **action, "by_session": by_session,
            "position": shown[0]["position"] if shown else wanted.get("position", 0),
            "sponsored": bool(shown and shown[0].get("sponsored")),
            "after": action["timestamp"] - search["timestamp"]})

    def did(self, names, window):
        return sorted((a for a in self.actions.values() if a["action"] in names
                       and self.start - GAP <= a["timestamp"] < self.start + window),
                      key=lambda a: (a["timestamp"], a["event_id"]))


def intents_of(searches):
    groups = defaultdict(list)
    for search in searches:
        groups[group_of(search)].append(search)
    for group in groups.values():
        group.sort(key=lambda s: (s["timestamp"], s["event_id"]))
        chains = []
        for i, search in enumerate(group):
            if i and joins(search, group[i - 1]):
                chains[-1].append(search)
            else:
                chains.append([search])
        for chain, following in zip(chains, chains[1:] + [None]):
            yield Intent(chain, following[0] if following else None)


def attribute(intents, parts, actions):
    """Gives each action to the intents of its searches."""
    by_query, by_session = defaultdict(list), defaultdict(list)
    for intent in intents:
        for search in intent.searches:
            by_query[search.get("query_id", "")].append((intent, search))
            if search.get("session_id"):
                by_session[search["session_id"]].append((intent, search))
    whole = {part["query_id"]: part["parent_query_id"] for part in parts if part.get("query_id")}
    for action in actions:
        query_id = action.get("query_id", "")
        if query_id:
            for intent, search in by_query[whole.get(query_id, query_id)]:
                intent.give(action, search, False)
            continue
        wanted = action["objects"][0]["id"] if action.get("objects") else None
        seen = [(s["timestamp"], s["event_id"], intent, s)
                for intent, s in by_session.get(action.get("session_id", ""), [])
                if 0 <= action["timestamp"] - s["timestamp"] < LENGTH
                and any(r["id"] == wanted for r in s.get("results", []))]
        if seen:
            _, _, intent, search = max(seen, key=lambda x: x[:2])
            intent.give(action, search, True)


class Numbers:
    """Sums over intents, named as in the answer of metrics/relevance."""

    def __init__(self):
        self.n = defaultdict(int)
        self.rates = defaultdict(lambda: [0, 0])
        self.without_click = defaultdict(int)
        self.reciprocals, self.first_positions, self.times, self.dwells = [], [], [], []

    def rate(self, name, hit):
        self.rates[name][0] += bool(hit)
        self.rates[name][1] += 1

    def add(self, intent, tracked):
        if page(intent.head) > 1:
            self.n["intents_without_first_page"] += 1
            return
        self.n["intents"] += 1
        self.n["intent_searches"] += len(intent.searches)
        self.n["intent_pages"] += sum(page(s) > 1 for s in intent.searches)
        if intent.head.get("session_id"):
            self.rate("reformulation", intent.reformulated)
        if not intent.outcome:
            return
        self.add_outcome(intent.outcome)
        if hits(intent.outcome) > 0 and tracked:
            self.add_shown(intent)
        elif hits(intent.outcome) > 0:
            self.n["intents_untracked"] += 1

    def add_outcome(self, outcome):
        nothing, fell = hits(outcome) == 0, outcome.get("fallback")
        self.rate("zero_result_intents", nothing)
        kind = "filtered" if outcome.get("filters") else "unfiltered"
        self.rate(f"zero_result_intents_{kind}", nothing)
        self.rate("zero_result_intents_before_fallback", nothing or fell)
        if fell:
            self.rate("zero_result_intents_after_fallback", nothing)

    def add_shown(self, intent):
        all_clicks = intent.did(["click"], LENGTH)
        clicks = [a for a in all_clicks if not a["sponsored"]]
        sponsored = [a for a in all_clicks if a["sponsored"]]
        placed = [a["position"] for a in clicks if a["position"]]
        carted = intent.did(["add_to_cart"], PURCHASES)
        bought = intent.did(["purchase"], PURCHASES)
        used = intent.did(USED, LENGTH) or any(page(s) > 1 for s in intent.searches)
        self.n["clicks"] += len(clicks)
        self.n["clicks_by_session"] += sum(a["by_session"] for a in clicks)
        self.n["clicks_without_position"] += len(clicks) - len(placed)
        self.rate("ctr", clicks)
        for k in (1, 3, 5, 10):
            self.rate(f"ctr_at_{k}", placed and min(placed) <= k)
        self.rate("sponsored_ctr", sponsored)
        self.rate("add_to_cart", carted)
        self.rate("purchase", bought)
        self.reciprocals.append(1 / min(placed) if placed else 0)
        if clicks and clicks[0]["position"]:
            self.first_positions.append(clicks[0]["position"])
        if clicks and clicks[0]["after"] >= 0:
            self.times.append(clicks[0]["after"] / 1000)
        self.dwells += [a.get("value", 0) for a in intent.did(["dwell"], LENGTH)]
        instead = None
        if not clicks and not sponsored:
            instead = ("cart" if carted or bought else "facet" if used else "suggestion"
                       if intent.did(["suggestion_click"], LENGTH) else "reformulation"
                       if intent.reformulated else "none")
            self.without_click[instead] += 1
        self.rate("no_action", instead == "none")


def key_of(event, field):
    return event.get(field, "")


DEGRADED = {
    "fallback": lambda s: s.get("fallback", "") != "",
    "shards_failed": lambda s: s.get("shards", {}).get("failed", 0) > 0,
    "partial": lambda s: s.get("status") == "partial",
}


def difference(degraded, undegraded):
    """Share of what happened to the degraded less that of the same query undegraded, weighted
    by the degraded; None where no query was both. Each is [(query, happened)]."""
    by_query = defaultdict(list)
    for query, happened in undegraded:
        by_query[query].append(happened)
    matched = [(query, happened) for query, happened in degraded if query in by_query]
    if not matched:
        return None, 0
    expected = sum(sum(by_query[query]) / len(by_query[query]) for query, _ in matched)
    return (sum(happened for _, happened in matched) - expected) / len(matched), len(matched)


def degraded(events):
    """By service and kind: (intents, answered, differences of zero results and of CTR)."""
    tracked = {e["application"] for e in events if e["event_type"] == "result"}
    out = {}
    for service, intents in answered_intents(events).items():
        def outcomes(of, wanted):
            zero = [(i.outcome["query"], hits(i.outcome) == 0) for i in of]
            clicked = [(i.outcome["query"],
                        any(not a["sponsored"] for a in i.did(["click"], LENGTH)))
                       for i in of if hits(i.outcome) > 0 and i.head["application"] in tracked]
            return {"zero_results": zero, "ctr": clicked}[wanted]

        none = [i for i in intents if not any(test(i.outcome) for test in DEGRADED.values())]
        for kind, test in {**DEGRADED, "any": None}.items():
            own = [i for i in intents if i not in none] if kind == "any" else \
                [i for i in intents if test(i.outcome)]
            out[service, kind] = (len(own), len(intents), {
                name: difference(outcomes(own, name), outcomes(none, name))
                for name in ("zero_results", "ctr")})
    return out


def answered_intents(events):
    searches = [{**e, "query": normal(e["query"])} for e in events if is_intent_search(e)]
    parts = [e for e in events if e["event_type"] == "search" and e.get("parent_query_id")]
    actions = [e for e in events if e["event_type"] == "result" and not e.get("synthetic")
               and "bot" not in e.get("user_agent", "")]
    intents = list(intents_of(searches))
    attribute(intents, parts, actions)
    by_service = defaultdict(list)
    for intent in intents:
        if intent.outcome and page(intent.head) == 1:
            by_service[intent.head["service"]].append(intent)
    return by_service


def behaviour(events, fields, tracked=None, within=None):
    """Numbers by the values of the fields of each intent's first search. `tracked`: applications
    that send actions, all that did by default; `within`: [from, to) in microseconds."""
    searches = [{**e, "query": normal(e["query"])} for e in events if is_intent_search(e)]
    parts = [e for e in events if e["event_type"] == "search" and e.get("parent_query_id")]
    actions = [e for e in events if e["event_type"] == "result" and not e.get("synthetic")
               and "bot" not in e.get("user_agent", "")]
    if tracked is None:
        tracked = {e["application"] for e in events if e["event_type"] == "result"}
    intents = list(intents_of(searches))
    attribute(intents, parts, actions)
    numbers = defaultdict(Numbers)
    for intent in intents:
        if within and not within[0] <= intent.start < within[1]:
            continue
        key = tuple(key_of(intent.head, field) for field in fields)
        numbers[key].add(intent, intent.head["application"] in tracked)
    return numbers
