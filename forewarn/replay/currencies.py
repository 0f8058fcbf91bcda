"""Currencies: codes, decimals, and the signs beside amounts."""

_DOLLARS = (
    "USD", "ARS", "AUD", "BBD", "BMD", "BND", "BSD", "BZD", "CAD", "CLP", "COP", "CVE", "DOP", "FJD", "GYD", "HKD",
    "JMD", "KYD", "LRD", "MOP", "MXN", "NAD", "NZD", "SBD", "SGD", "SRD", "TOP", "TTD", "TWD", "UYU", "WST", "XCD",
)  # fmt: skip

CURRENCY_SIGNS = {
    "¥": ("CNY", "JPY"), "元": ("CNY",), "人民币": ("CNY",), "$": _DOLLARS, "US$": ("USD",), "HK$": ("HKD",), "€": ("EUR",),
    "£": ("GBP",), "₹": ("INR",), "₩": ("KRW",), "₽": ("RUB",), "円": ("JPY",), "KSh": ("KES",),
    "R$": ("BRL",), "NT$": ("TWD",), "A$": ("AUD",), "C$": ("CAD",), "S$": ("SGD",), "฿": ("THB",), "₫": ("VND",),
    "zł": ("PLN",), "Kč": ("CZK",), "₺": ("TRY",), "₴": ("UAH",), "₦": ("NGN",), "₱": ("PHP",), "₪": ("ILS",),
    "Rp": ("IDR",), "RM": ("MYR",), "Ft": ("HUF",), "Rs": ("INR", "PKR", "LKR", "NPR", "MUR", "SCR"),
    "kr": ("SEK", "NOK", "DKK", "ISK"),
}  # fmt: skip
"""Signs before or after an amount with the currencies that they stand for; the first one where none is said, unless
the sign is in ``AMBIGUOUS_SIGNS``."""

AMBIGUOUS_SIGNS = frozenset({"Rs", "kr"})
"""Signs of neighbours: which of their currencies is meant has to be said."""

_CODES = (
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD "
    "CAD CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD "
    "GNF GTQ GYD HKD HNL HRK HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD "
    "KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK "
    "NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SLL SOS "
    "SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VED VES VND VUV WST "
    "XAF XCD XCG XOF XPF YER ZAR ZMW ZWG ZWL "
)
CURRENCIES = frozenset(_CODES.split())
"""ISO 4217, list one, without metals, units of account and codes for tests; and HRK, SLL and ZWL of late years."""

DECIMALS = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX",
                     "VND", "VUV", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}  # fmt: skip
"""Decimals of the currencies that have others than two (ISO 4217, list one, 2024)."""
