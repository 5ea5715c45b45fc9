"""Tables of the spoken forms of signs, abbreviations, units and short forms."""

from __future__ import annotations

# Characters that Unicode's decomposition does not turn into plain letters.
PLAIN = {
    **dict.fromkeys("‘’ʼ′`ʻ", "'"),
    **dict.fromkeys("“”„«»″", '"'),
    **dict.fromkeys("‐‑‒–−", "-"),
    **dict.fromkeys("—―", " - "),
    **{"£": "£", "€": "€", "¥": "¥", "°": "°", "º": "°", "×": " x ", "…": "... "},
    **{"ß": "ss", "æ": "ae", "Æ": "Ae", "œ": "oe", "Œ": "Oe", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d"},
    **{"Đ": "D", "ð": "d", "Ð": "D", "þ": "th", "Þ": "Th", "ı": "i", "ə": "e"},
}

# Currency sign → singular, plural, and the name of a hundredth.
CURRENCIES = {
    "$": ("dollar", "dollars", "cent"),
    "€": ("euro", "euros", "cent"),
    "£": ("pound", "pounds", "penny"),
    "¥": ("yen", "yen", "sen"),
}
SIGNS = {"&": "and", "@": "at", "+": "plus", "=": "equals", "%": "percent", "°": "degrees", "#": "number"}
# Denominator → singular and plural.
FRACTIONS = {
    2: ("half", "halves"),
    3: ("third", "thirds"),
    4: ("quarter", "quarters"),
    5: ("fifth", "fifths"),
    8: ("eighth", "eighths"),
    10: ("tenth", "tenths"),
}

# Abbreviations that are followed by a dot. The rules treat "no." and "st." specially.
ABBREVIATIONS = {
    "ms": "miss",
    "jr": "junior",
    "sr": "senior",
    "st": "saint",
    "no": "number",
    "prof": "professor",
    "gen": "general",
    "lt": "lieutenant",
    "col": "colonel",
    "capt": "captain",
    "sgt": "sergeant",
    "rev": "reverend",
    "sen": "senator",
    "gov": "governor",
    "rep": "representative",
    "mt": "mount",
    "ft": "fort",
    "ave": "avenue",
    "blvd": "boulevard",
    "etc": "et cetera",
    "inc": "incorporated",
    "ltd": "limited",
    "corp": "corporation",
    "approx": "approximately",
    "ca": "circa",
    "jan": "january",
    "feb": "february",
    "aug": "august",
    "sept": "september",
    "oct": "october",
    "nov": "november",
    "dec": "december",
}

# Abbreviations without a dot, as recognisers write titles.
SHORT_FORMS = {
    "WWI": "world war one",
    "WWII": "world war two",
    **dict.fromkeys(("Mr", "mr"), "mister"),
    **dict.fromkeys(("Mrs", "mrs"), "missus"),
    **dict.fromkeys(("Dr", "dr"), "doctor"),
    "vs": "versus",
}

# Units right after a number. Case matters: MW is not mw.
UNITS = {
    "km": "kilometers",
    "m": "meters",
    "cm": "centimeters",
    "mm": "millimeters",
    "nm": "nanometers",
    "kg": "kilograms",
    "mg": "milligrams",
    "ft": "feet",
    "mi": "miles",
    "lb": "pounds",
    "lbs": "pounds",
    "oz": "ounces",
    "mph": "miles per hour",
    "Hz": "hertz",
    "kHz": "kilohertz",
    "MHz": "megahertz",
    "GHz": "gigahertz",
    "KB": "kilobytes",
    "MB": "megabytes",
    "GB": "gigabytes",
    "TB": "terabytes",
    "kW": "kilowatts",
    "MW": "megawatts",
    "GW": "gigawatts",
    "kWh": "kilowatt hours",
    "MWh": "megawatt hours",
    "bn": "billion",
}

# Acronyms that are exceptions to the rule for reading capitals as a word, in either direction.
SAID_AS_WORDS = frozenset({"AIDS", "NAFTA", "RADAR", "LASER", "SWAT", "PIN", "SIM", "RAM", "ROM", "ASCII", "SCUBA"})
SPELLED = frozenset({"NAACP"})

# Words before a Roman numeral: names of kings and popes (read "the eighth"), and numbered things (read "two").
_MONARCHS = (
    "alexander alfonso benedict catherine charles clement edward elizabeth ferdinand francis frederick george gregory "
    "henry innocent isabella ivan james john joseph julius leo leopold louis manuel mary napoleon nicholas otto paul "
    "pedro peter philip pius richard robert rudolf urban victor wilhelm william"
)
_NUMBERED = "war part chapter act volume phase type class title book article section appendix mark level grade"
MONARCHS = frozenset(_MONARCHS.split())
NUMBERED = frozenset(_NUMBERED.split())
