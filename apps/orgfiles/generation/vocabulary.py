"""The words that generated people and records are made of. Every domain is under .example, which nobody can own."""

FIRST_NAMES = (
    "Ada", "Amir", "Anke", "Aisha", "Beata", "Bruno", "Camille", "Chidi", "Dalia", "Darko", "Edith", "Emeka", "Erik",
    "Farah", "Felix", "Gemma", "Goran", "Hana", "Hugo", "Ida", "Imran", "Ines", "Jana", "Joel", "Kaito", "Karin",
    "Lars", "Leila", "Luca", "Maeve", "Marta", "Mateo", "Milan", "Nadia", "Nils", "Noor", "Olga", "Oscar", "Paula",
    "Pavel", "Quentin", "Rania", "Ravi", "Rosa", "Samir", "Sofia", "Stefan", "Tamar", "Teo", "Ulrike", "Vera",
    "Viktor", "Wanda", "Yara", "Yusuf", "Zoe",
)  # fmt: skip
LAST_NAMES = (
    "Abara", "Almeida", "Andersen", "Bakker", "Becker", "Bianchi", "Brandt", "Castillo", "Cohen", "Costa", "Dahl",
    "Dubois", "Eriksen", "Farkas", "Ferrari", "Fischer", "Fontaine", "Garcia", "Gruber", "Haddad", "Hansen", "Horvat",
    "Ibrahim", "Ivanova", "Jansen", "Kaya", "Keller", "Kovacs", "Kowalski", "Larsen", "Lehmann", "Lindqvist", "Marino",
    "Meyer", "Moreau", "Nakamura", "Nagy", "Novak", "Okafor", "Olsen", "Papadakis", "Petrov", "Quist", "Rahman",
    "Ribeiro", "Rossi", "Santos", "Schneider", "Silva", "Simonsen", "Tanaka", "Vasquez", "Virtanen", "Vogel", "Weber",
    "Yilmaz", "Zeman",
)  # fmt: skip
FIRM_WORDS = (
    "Alder", "Amber", "Anchor", "Ashford", "Beacon", "Birch", "Bright", "Canal", "Cedar", "Cobalt", "Copper", "Coral",
    "Delta", "Eastgate", "Elm", "Falcon", "Fjord", "Granite", "Harbour", "Hazel", "Heron", "Ivory", "Juniper",
    "Kestrel", "Lakeside", "Larch", "Linden", "Maple", "Meridian", "Mill", "Northern", "Oak", "Orchard", "Pearl",
    "Quarry", "Raven", "River", "Rowan", "Saffron", "Silver", "Summit", "Tide", "Union", "Valley", "Walnut", "Willow",
)  # fmt: skip
FIRM_TRADES = (
    "Analytics", "Architects", "Bakery", "Brewing", "Builders", "Ceramics", "Clinics", "Consulting", "Dairy",
    "Electronics", "Energy", "Foods", "Freight", "Furniture", "Glass", "Hotels", "Insurance", "Interiors", "Labs",
    "Logistics", "Machines", "Media", "Metals", "Optics", "Packaging", "Paper", "Pharma", "Plastics", "Press",
    "Robotics", "Shipping", "Software", "Solar", "Textiles", "Tools", "Travel",
)  # fmt: skip
NEEDS = (
    "New office", "Annual maintenance", "Pilot", "Spare parts", "Warehouse move", "Licence renewal", "Staff training",
    "Second site", "Framework contract", "Replacement", "Relaunch", "Trial order", "Extension", "Seasonal stock",
    "Support plan", "Migration",
)  # fmt: skip
JOBS = (
    "Managing director", "Head of purchasing", "Buyer", "Operations manager", "Office manager", "Engineer",
    "Finance director", "Plant manager", "Owner", "Project lead",
)  # fmt: skip
INDUSTRIES = (
    "Construction", "Food", "Health", "Hospitality", "Logistics", "Manufacturing", "Media", "Software", "Textiles",
    "Trade",
)  # fmt: skip
# City, country and the beginning of a phone number there.
PLACES = (
    ("Berlin", "DE", "+4930"), ("Hamburg", "DE", "+4940"), ("Vienna", "AT", "+431"), ("Zurich", "CH", "+4144"),
    ("Paris", "FR", "+331"), ("Madrid", "ES", "+3491"), ("Lisbon", "PT", "+35121"), ("Milan", "IT", "+3902"),
    ("Warsaw", "PL", "+4822"), ("Prague", "CZ", "+4202"), ("Copenhagen", "DK", "+4533"), ("Oslo", "NO", "+4722"),
    ("London", "GB", "+4420"), ("Dublin", "IE", "+3531"),
)  # fmt: skip
SIZES = ("1-9", "10-49", "50-249", "250-999", "1000+")
TASK_KINDS = ("todo", "call", "email", "meeting", "follow_up")
ACTIVITY_KINDS = ("note", "call", "message", "email", "meeting")
STREETS = (
    "Station Road",
    "Market Street",
    "Mill Lane",
    "Harbour Road",
    "Church Street",
    "Park Avenue",
    "Bridge Street",
)
TAGS = ("key account", "newsletter", "trade fair", "referral", "price list", "urgent", "export", "public sector")
TODOS = ("Call back", "Send the quote", "Arrange a visit", "Check the contract", "Ask for references", "Follow up")
EVENTS = (
    "Asked for a quote",
    "Left a message",
    "Sent the price list",
    "Met on site",
    "Wants a second offer",
    "No answer",
)
TEAM_NAMES = ("Sales", "Renewals", "Key accounts", "Field service", "Partners", "Inside sales", "Support", "Projects")
