#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes little stories for children, the training text of the bundled model. A story is told from a world state
(characters, things, places, weather) by one of the plots in tools/stories/*.txt, so who and what came in stays the same
to the end. Deterministic: story number i of seed s is always the same text. The template language is described in
docs/bundled_model.md."""
import argparse
import pathlib
import random
import re

DATA = pathlib.Path(__file__).resolve().parent / "stories"
HABITATS = {"woodland": "w", "farm": "f", "water": "p", "jungle": "j", "snow": "s", "magic": "m", "royal": "m", "human": "h"}
LIMBS = {"wing": "owl robin hen goose duck swan parrot penguin heron raven crane fairy".split(),
         "hoof": "deer pony lamb goat pig donkey calf zebra giraffe unicorn reindeer stag".split(),
         "foot": "elephant hippo turtle tortoise".split(), "flipper": ["seal"], "claw": ["crab", "dragon"],
         "hand": "robot elf gnome giant princess queen witch prince king wizard knight".split()}
TIMES = ["morning", "morning", "afternoon", "day"]
RIDDLES = ["a bottle", "a comb", "a clock", "a book", "a river", "a needle"]       # answers to the bank "riddle", in order
# With a troupe, every plot has a hero of its own, with a companion and belongings that are always the same: what a model
# that has seen only a few million words can keep apart. Some are set here, the dice settle the rest.
STARS = {"lost thing": ("human", "f", "m", "Mia", "Ben", "girl", "boy"),
         "boat trip": ("human", "f", "m", "Lily", "Tom", "girl", "boy"),
         "new friend": ("woodland", "m", "f", "Pip", "Hazel", "fox", "rabbit"),
         "storm": ("woodland", "f", "m", "Bramble", "Oakley", "mouse", "bear"),
         "baking": ("human", "m", "f", "Max", "Ruby", "boy", "girl"),
         "rainy day": ("human", "f", "f", "Anna", "Zoe", "girl", "girl"),
         "sharing": ("woodland", "m", "f", "Rusty", "Maple", "squirrel", "hedgehog"),
         "overcome fear": ("farm", "m", "f", "Biscuit", "Clover", "puppy", "lamb"),
         "race": ("water", "f", "m", "Tilly", "Ollie", "turtle", "otter"),
         "noise at night": ("human", "m", "f", "Leo", "Nora", "boy", "girl"),
         "three wishes": ("royal", "f", "m", "Rosa", "Hugo", "princess", "prince"),
         "cannot sleep": ("woodland", "m", "f", "Bruno", "Honey", "bear", "bear"),
         "snow day": ("human", "m", "f", "Finn", "Emma", "boy", "girl"),
         "learning a skill": ("farm", "f", "m", "Mimi", "Scout", "kitten", "dog"),
         "treasure map": ("human", "m", "m", "Sam", "Jack", "boy", "boy")}
STAR_NAMES = {name for star in STARS.values() for name in star[3:5]}
BEGUN = r"\b(One|It was) .*\b(day|morning)\b|w[ao]k|breakfast|day!"                # openings that have named the day
SPEECH = "said|asked|cried|shouted|called|whispered|answered|replied|thought|wondered|wanted"
WEATHER_ADJ = {"sunny": "[sunny|bright|fine|clear|warm|beautiful|golden]", "windy": "[windy|breezy|cool, windy|bright, windy]",
               "rainy": "[rainy|wet|gray|dark, rainy]", "snowy": "[snowy|cold|frosty|white winter]",
               "foggy": "[foggy|misty|gray and foggy]"}


def parse(text):
    """Template text -> nested lists: plain strings, ('alt', [sequences]), ('slot', key). Cached by template()."""
    def sequence(i, closers):
        out, plain = [], ""
        while i < len(text) and text[i] not in closers:
            if text[i] == "[":
                options = []
                while True:
                    option, i = sequence(i + 1, "|]")
                    if i >= len(text):
                        raise ValueError("unclosed [ in template: " + text)
                    options.append(option)
                    if text[i] == "]":
                        break
                out += [plain, ("alt", options)]
                plain = ""
            elif text[i] == "{":
                end = text.index("}", i)
                out += [plain, ("slot", text[i + 1:end])]
                plain, i = "", end
            else:
                plain += text[i]
            i += 1
        return out + [plain], i

    nodes, i = sequence(0, "]")
    if i < len(text):
        raise ValueError("stray ] in template: " + text)
    return nodes


_templates = {}


def template(text):
    if text not in _templates:
        _templates[text] = parse(text)
    return _templates[text]


class Character:
    """One who acts: name, kind (species, calling, or girl/boy), sex; `attr` gives every form a template may ask for."""

    def __init__(self, name, kind, sex, habitat, trait, size="little", elder=False):
        self.name, self.kind, self.sex, self.habitat, self.trait = name, kind, sex, habitat, trait
        self.size, self.elder, self.alone_of_kind, self.known = size, elder, True, False
        self.relation = "friend"

    def attr(self, attr, rng):
        he = self.sex == "m"
        human = self.habitat == "human"
        if attr in ("", "subject"):
            plain = self.elder or not self.alone_of_kind or not self.known or rng.random() < 0.86
            return self.name if plain else self.attr("the", rng)
        if attr in ("n", "name"):
            return self.name
        if attr in ("he", "him", "his", "himself"):
            return attr if he else {"he": "she", "him": "her", "his": "her", "himself": "herself"}[attr]
        if attr == "the":
            return "the " + self.kind if self.elder or rng.random() < 0.4 else "the %s %s" % (self.size, self.kind)
        if attr in ("hand", "hands"):
            limb = next((k for k, kinds in LIMBS.items() if self.kind in kinds), "hand" if human else "paw")
            return limb if attr == "hand" else {"foot": "feet", "hoof": "hooves"}.get(limb, limb + "s")
        if attr == "intro":
            self.known = True
            if self.elder:
                return "%s, %s %s" % (self.name, "the" if human else "a wise old", self.kind)
            named = rng.choice(["named", "named", "called"])
            adj = rng.choice(["", self.size, self.size, self.trait, "%s %s" % (self.trait, self.size), self.trait + " young"])
            return " ".join(("a %s %s %s %s" % (adj, self.kind, named, self.name)).split())
        if attr == "intro2":
            self.known = True
            return "a %s %s %s" % (self.trait, self.size if self.habitat != "human" else "little", self.kind)
        if attr == "short":        # a name that says what it is, for the first mention of a second character
            self.known = True
            return self.name if human and not self.elder else "%s the %s" % (self.name, self.kind)
        if attr in ("said", "asked", "cried", "whispered", "answered"):
            verb = {"said": ["said"], "asked": ["asked"], "cried": ["cried", "shouted", "called"],
                    "whispered": ["whispered", "said softly"], "answered": ["answered", "said", "replied"]}[attr]
            verb = rng.choice(verb)
            if rng.random() < 0.25 and " " not in verb:
                return "%s %s" % (self.name, verb)
            return verb.replace(" ", " %s " % self.name, 1) if " " in verb else "%s %s" % (verb, self.name)
        if attr in ("kind", "trait", "relation", "size"):
            return getattr(self, attr)
        raise KeyError("character has no " + attr)


class Thing:
    """An object that was introduced: the noun and the adjective it keeps through the story."""

    def __init__(self, noun, adj):
        self.noun, self.adj = noun, adj

    def attr(self, attr, rng):
        full = ("%s %s" % (self.adj, self.noun)).strip()
        return {"": "the " + (full if rng.random() < 0.25 else self.noun), "a": "a " + full, "n": self.noun, "full": full,
                "adj": self.adj or "little"}[attr]


class Place:
    def __init__(self, name, prep, sights):
        self.name, self.prep, self.sights = name, prep, sights

    def attr(self, attr, rng):
        if attr == "see":
            if len(self.sights) > 1:
                self.sights = rng.sample(self.sights, len(self.sights))
            return self.sights[0]
        return {"": "the " + self.name, "n": self.name, "in": "%s the %s" % (self.prep, self.name),
                "to": "to the " + self.name}[attr]


class Library:
    """Everything read from tools/stories: banks of words and phrases, places, plots."""

    def __init__(self, folder=DATA):
        self.banks, self.places, self.plots = {}, [], []
        for line in self.lines(folder / "words.txt"):
            name, entries = line.split(":", 1)
            self.banks[name] = [(None, e.strip()) for e in entries.split(",")]
        for line in self.lines(folder / "places.txt"):
            name, prep, tags, sights = (f.strip() for f in line.split("|"))
            self.places.append((tags, name, prep, [s.strip() for s in sights.split(";")]))
        for path in sorted(folder.glob("phrases*.txt")):
            bank = None
            for line in self.lines(path):
                if line.startswith("@"):
                    bank = self.banks.setdefault(line[1:].strip(), [])
                else:
                    bank.append(self.condition(line))
        for path in sorted(folder.glob("plots*.txt")):
            for line in self.lines(path):
                self.plot_line(line)

    @staticmethod
    def lines(path):
        text = path.read_text(encoding="utf-8").splitlines()
        return [line.rstrip() for line in text if line.strip() and not line.startswith("# ")]

    @staticmethod
    def condition(line):
        """'<flag> text' or '<!flag> text' -> (flag, text); no condition gives (None, text)."""
        match = re.match(r"<(!?[a-z]+)>\s*(.*)", line)
        return (match.group(1), match.group(2)) if match else (None, line)

    def plot_line(self, line):
        head, _, rest = line.partition(" ")
        rest = rest.strip()
        if head == "@plot":
            self.plots.append({"name": rest, "number": len(self.plots), "who": "", "weather": ["sunny"],
                               "lets": [], "picks": [], "beats": [], "moral": []})
            return
        plot = self.plots[-1]
        if head in ("who", "moral"):
            plot[head] = rest if head == "who" else plot["moral"] + [rest]
        elif head == "weather":
            plot["weather"] = rest.split()
        elif head == "let":
            plot["lets"].append(rest.split())
        elif head == "pick":
            plot["picks"].append(rest.split())
        elif head[0] == "=":       # =p new paragraph, =? left out half of the time
            flag, text = self.condition(rest)
            whole = "c" in head
            plot["beats"].append({"para": "p" in head, "maybe": "?" in head, "flag": flag if whole else None,
                                  "options": [(None if whole else flag, text)]})
        elif head == "|":
            plot["beats"][-1]["options"].append(self.condition(rest))
        else:
            raise ValueError("plot line not understood: " + line)


class Story:
    """One telling: draws the world for a plot, then expands its beats in order."""

    def __init__(self, library, seed, troupe=False):
        self.lib, self.rng = library, random.Random(seed)
        self.used, self.flags, self.vars, self.when_used = set(), set(), {}, False
        self.plot = self.rng.choice(library.plots)
        self.member = self.plot["number"] if troupe else None
        self.weather = self.rng.choice(self.plot["weather"])
        self.flags.add(self.weather)
        self.settled("cast", self.cast)
        for name, source in self.plot["lets"]:
            self.settled(source if source[0] in "+-" else source + name, lambda: self.bind(name, source))
        for choices in self.plot["picks"]:
            self.flags.add(self.rng.choice(choices))
        self.vars["moral"] = self.expand(self.rng.choice(self.plot["moral"]))

    def settled(self, what, draw):
        """Draws from the world. With a troupe, each plot has its own dice for each thing: the same hero, companion,
        toy and places whenever it is told."""
        dice = self.rng
        if self.member is not None:
            self.rng = random.Random("member %d %s" % (self.member, what))
        draw()
        self.rng = dice

    def word(self, bank):
        return self.rng.choice(self.lib.banks[bank])[1]

    def cast(self):
        rng, allowed = self.rng, self.plot["who"].split()
        weights = {"human": 6, "woodland": 4, "farm": 2, "water": 2, "jungle": 2, "snow": 1, "magic": 1, "royal": 1}
        world = rng.choices(allowed, [weights[w] for w in allowed])[0]
        self.habitat = world
        names, kinds = set(), []
        stars = STARS.get(self.plot["name"]) if self.member is not None else None
        if stars:
            self.habitat = world = stars[0]

        def make(sex):
            human = world == "human"
            name = kind = None
            while name is None or name in names:
                name = self.name({"f": "girls", "m": "boys"}[sex] if human or world == "royal" else "pets_" + sex, len(names))
            names.add(name)
            if human:
                kind = "girl" if sex == "f" else "boy"
            else:
                kind = self.word("royal_" + sex if world == "royal" else world)
            kinds.append(kind)
            trait = self.word("trait")
            return Character(name, kind, sex, world, trait, rng.choice(["little", "young"]) if human else self.word("size"))

        sex = rng.choice("fm")
        a = make(stars[1] if stars else sex)
        b = make(stars[2] if stars else sex if rng.random() < 0.3 else "fm"[sex == "f"])
        if stars:
            a.name, b.name, a.kind, b.kind = stars[3:]
            kinds[:] = [a.kind, b.kind]
        a.alone_of_kind = b.alone_of_kind = a.kind != b.kind
        while b.trait == a.trait:
            b.trait = self.word("trait")
        same_family = world == "human" and rng.random() < 0.35
        b.relation = rng.choice(["sister", "cousin"] if b.sex == "f" else ["brother", "cousin"]) if same_family else \
            rng.choice(["friend", "friend", "best friend", "neighbor"])
        sex = rng.choice("fm")
        if world in ("human", "farm"):
            c = Character(self.word("jobname_" + sex), self.word("bigjob"), sex, "human", "kind", elder=True)
            c.kind = {"postman": "postwoman", "fisherman": "fisherwoman"}.get(c.kind, c.kind) if sex == "f" else c.kind
        else:
            c = Character(self.word("eldername_" + sex), self.word("elderkind"), sex, world, "wise", elder=True)
            while c.kind in kinds:
                c.kind = self.word("elderkind")
        self.vars.update(A=a, B=b, C=c)
        self.flags.add("human" if world == "human" else "animal")
        self.flags.add(world)
        self.flags.add("girl" if a.sex == "f" else "boy")
        tag = HABITATS[world]
        fitting = [p for p in self.lib.places if tag in p[0]]
        p, q = rng.sample(fitting, 2)
        self.vars["P"], self.vars["Q"] = Place(*p[1:]), Place(*q[1:])
        self.vars["home"] = self.expand("{#home_%s}" % world)

    def name(self, bank, number):
        """A name of the bank; with a troupe, members take theirs in turn, so that a name belongs to one of them."""
        if self.member is None:
            return self.word(bank)
        entries = [e for _, e in self.lib.banks[bank] if e not in STAR_NAMES]
        return entries[(2 * self.member + number) % len(entries)]

    def bind(self, name, source):
        if source.startswith("+"):         # let T +toy: a thing with an adjective
            noun, adj = self.word(source[1:]), self.word("thing_adj")
            while adj in noun:
                adj = self.word("thing_adj")
            self.vars[name] = Thing(noun, adj)
        elif source.startswith("-"):       # let T -bake: a thing without one
            self.vars[name] = Thing(self.word(source[1:]), "")
        else:
            self.vars[name] = self.expand("{#%s}" % source)

    def fits(self, flag):
        return flag is None or ((flag[1:] not in self.flags) if flag[0] == "!" else flag in self.flags)

    def choose(self, options, key):
        """One option whose condition holds; one that this story has not used yet where there is such a one."""
        fitting = [i for i, (flag, _) in enumerate(options) if self.fits(flag)]
        fresh = [i for i in fitting if (key, i) not in self.used] or fitting
        i = self.rng.choice(fresh)
        self.used.add((key, i))
        return options[i][1]

    def slot(self, key):
        if key.startswith("#"):
            bank, _, name = key[1:].partition(":")
            if not name:
                return self.expand(self.choose(self.lib.banks[bank], bank))

            def draw():
                self.vars[name] = self.expand(self.choose(self.lib.banks[bank], bank))
            self.settled(key, draw)
            return self.vars[name]
        if key == "when":
            if self.when_used:
                return self.expand("[that day|that day|later that day|a little later|soon], ")
            self.when_used = True
            return self.expand("[one " + WEATHER_ADJ[self.weather] + " " + self.rng.choice(TIMES) + "|one day|one day], ")
        if key == "night":
            return "that night" if self.when_used else "one night"
        if key == "weather":
            self.when_used = True
            return self.expand(WEATHER_ADJ[self.weather])
        if key == "vmoral":
            return self.expand("{#vm}")
        if key == "seen":          # B came in by the opening
            self.vars["B"].known = True
            return ""
        if key == "riddleans":
            return RIDDLES[next(i for bank, i in self.used if bank == "riddle")]
        if key in ("B.new", "C.new"):
            who = self.vars[key[0]]
            if who.known:
                return who.name
            own = self.vars["A"].attr("his", self.rng) + " " + who.relation + " "
            return (own if key[0] == "B" else "") + who.attr("short", self.rng)
        name, _, attr = key.partition(".")
        value = self.vars[name]
        return value if isinstance(value, str) else value.attr(attr, self.rng)

    def expand(self, text):
        def walk(nodes):
            out = []
            for node in nodes:
                if isinstance(node, str):
                    out.append(node)
                elif node[0] == "alt":
                    out.append(walk(self.rng.choice(node[1])))
                else:
                    out.append(self.slot(node[1]))
            return "".join(out)
        return walk(template(text))

    def tell(self):
        parts = [[self.polish(self.expand("{#opening}"))]]
        self.when_used = self.when_used or bool(re.search(BEGUN, parts[0][0]))
        for number, beat in enumerate(self.plot["beats"]):
            if not self.fits(beat["flag"]) or (beat["maybe"] and self.rng.random() < 0.5):
                continue
            text = self.polish(self.expand(self.choose(beat["options"], (self.plot["name"], number))))
            if beat["para"] and parts[-1]:
                parts.append([])
            parts[-1].append(text)
        closing = [self.polish(self.expand("{#closing}"))]
        if self.rng.random() < 0.75:
            parts.append(closing)
        else:
            parts[-1] += closing
        return "\n\n".join(" ".join(p) for p in parts if p)

    @staticmethod
    def polish(text):
        """Spaces, articles and capitals that depend on what was drawn."""
        text = " ".join(text.split())
        text = re.sub(r"\b([Aa]) (?=(?!uni|use|one\b|eu)[aeiouAEIOU]|honest|hour)", r"\1n ", text)
        text = re.sub(r"(^|[.!?] |\.\" |(?:^|\s)\"(?!and I know|but I feel|because you have))([a-z])",
                      lambda m: m[1] + m[2].upper(), text)
        text = re.sub(r"([!?]\" )(?!(?:(?!and )\w+ ){0,6}(?:%s)\b)([a-z])" % SPEECH, lambda m: m[1] + m[2].upper(), text)
        return text[0].upper() + text[1:]


def story(library, seed, index, troupe=False):
    """Story number `index` of the endless text that `seed` names; with a troupe, its plot always has the same hero."""
    return Story(library, "%d/%d" % (seed, index), troupe).tell()


def main():
    args = argparse.ArgumentParser(description="Write little stories, separated by a line of ---.")
    args.add_argument("-n", "--count", type=int, default=3)
    args.add_argument("--seed", type=int, default=1)
    args.add_argument("--troupe", action="store_true", help="the same hero and belongings whenever a plot comes again")
    args.add_argument("--plot", help="only stories of this plot")
    args = args.parse_args()
    library = Library()
    if args.plot:
        library.plots = [p for p in library.plots if p["name"] == args.plot]
        if not library.plots:
            raise SystemExit("no plot named %r" % args.plot)
    print("\n---\n".join(story(library, args.seed, i, args.troupe) for i in range(args.count)))


if __name__ == "__main__":
    main()
