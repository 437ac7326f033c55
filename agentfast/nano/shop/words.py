"""Word pools of the shop. `splits` decides on the part of a pool that a split may use."""

from __future__ import annotations


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


ONSETS = _words(
    "b br c ch cl d dr f fl fr g gl gr h j k kl l m n p pl pr r s sh sk sl sm sp st t th tr v w y z"
)
VOWELS = _words("a e i o u")
CODAS = _words("b d g k l ld lk lm ln lt m mb n nd nk nt p r rd rk rl rm rn rt s sk st t v x z")

FIRST_ENDINGS = _words("a o e i an en in on ia io ela ina ara is as us")
LAST_ENDINGS = _words("ic ak ov er el and om ari ano ez o e am ish elo ovar ima")
CITY_ENDINGS = _words("avia ona ento ulle iburg eton aford inia opol amar orra id")
WORD_ENDINGS = _words("o a i e ax ix ol um ine ory ent al")

DOMAINS = ("mail.com", "post.net", "inbox.org", "web.io", "home.eu")

MATERIALS = _words("""oak pine steel glass cotton linen wool clay stone brass copper silver velvet paper leather rubber
    bamboo marble silk wicker ceramic cedar walnut maple canvas denim bronze iron plastic wooden red blue
    green black white grey yellow purple orange pink brown golden round square small large tall folding
    light heavy soft""")
THINGS = _words("""lamp chair table desk shelf mug bowl plate vase clock mirror rug pillow blanket basket candle frame
    stool bench cabinet drawer kettle teapot pan knife fork spoon tray jar bottle box bag wallet belt
    scarf hat glove jacket umbrella notebook pen pencil folder stapler ruler phone speaker charger cable
    monitor keyboard tent rope bucket ladder hammer drill saw fan heater sofa""")
TOPICS = _words("""Budget Design Sales Launch Roadmap Hiring Safety Quality Customer Product Security Marketing Travel
    Garden Winter Summer Spring Autumn Office Kitchen Website Database Network Payroll Contract Supplier
    Warehouse Delivery Press Board Legal Finance Music Chess Yoga Lunch Dinner Coffee Research Science
    Language Photo Film Book Energy Water Vendor Partner Investor Release Strategy Culture Brand
    Training Print Audio Video""")
MEETINGS = _words("review meeting call workshop talk session demo party visit planning lesson update")

NOUNS = _words("""boat house garden letter bridge river ticket engine mountain camera window guitar painting rocket
    castle forest island kettle mirror parcel planet poem puppet recipe robot saddle satellite ship song
    statue story street sweater temple theater tower train tunnel valley village violin wagon whale wheel
    wizard yacht zebra apple banana carrot cherry cookie dragon eagle falcon ferry flower fountain goose
    hammer harbor helmet horse jacket jewel lantern lemon library magnet market medal melon motor museum
    needle ocean onion orchard oven palace panda parade pepper piano pigeon pillow pirate pocket potato
    rabbit radio salad school scooter shadow shovel spider sponge stadium tiger tomato tractor truck
    tulip turtle vase violet walnut account album alarm badge balloon banner barrel battery bicycle
    blanket cabin candle carpet chapter circuit cloud coin comet concert coupon course crane crystal
    diary drone elevator festival filter flag gallery gate glacier invoice journey kite ladder lesson
    locker lottery magazine map menu mission model newsletter notebook orbit passport patch pipeline
    playlist podcast poster prize puzzle queue railway report reservation room route sample scene seat
    sensor server shelf signal stamp station studio survey team tent token tournament trail vault vessel
    vote voucher warehouse wallet workshop""")

TEXT_STATES = _words("""ready late here open closed done lost broken full empty new sold fixed paid safe cancelled clean cold
    missing outside""")
TEXT_VERBS = _words("check bring send return fix clean move pack count open close sign print call")
TEXT_NOUNS = _words("""invoice parcel report key door truck meeting printer contract window room lunch car plan ticket
    server shipment label list lamp cart gate form offer phone garden kitchen order menu box badge
    camera engine paper file coffee bus train flight tool ladder shelf""")

# Words of one group mean the same, so a request may use any of them for a tool that is described by another.
VERB_GROUPS = tuple(
    tuple(group.split("/"))
    for group in _words(
        """rent/hire/lease buy/purchase/acquire sell/trade repair/fix/mend paint/colour clean/wash/scrub
        build/construct/assemble destroy/demolish/wreck lock/secure unlock/release hide/conceal
        move/shift/relocate print/publish record/log/register measure/gauge weigh share/distribute
        copy/duplicate/clone delete/erase/remove rename/retitle start/launch/begin stop/halt/end
        pause/suspend inspect/examine/check reserve/book ship/deliver/dispatch collect/gather scan/analyse
        translate/interpret upgrade/improve test/try feed/nourish decorate/adorn wrap/pack open/unseal
        close/shut rotate/turn/spin split/divide join/merge/combine archive/store/save approve/accept
        reject/refuse/decline tag/mark invite/summon schedule/plan draw/sketch lift/raise drop/lower"""
    )
)

INT_ARGS = _words("size count amount level code limit weight height number speed width depth seats floor")
STR_ARGS = _words("owner place name target source brand person city label topic author team")
ENUM_ARGS = _words("mode color kind priority style shape season phase grade tone")
BOOL_ARGS = _words("urgent silent fragile public express hidden loud secret warm dry")
DATE_ARGS = _words("date day start due deadline")
TIME_ARGS = _words("time hour slot")
LIST_ARGS = _words("tags items parts groups words colors guests topics")
INTS_ARGS = _words("codes numbers sizes levels pages")

ENUM_VALUES = _words("""low high medium fast slow red blue green black white small large short long soft hard warm cold
    summer winter spring autumn round square flat deep light dark full half empty first second final
    basic premium standard daily weekly monthly north south east west morning evening night gold silver
    bronze simple strict quiet loud dry wet sweet sour plain fancy early late inner outer""")
RESULT_KEYS = _words("""price state code total owner score level place weight size color balance rating age speed length
    version rank temperature height label value status number phase volume depth title limit""")

EVERY_WORD = tuple(
    dict.fromkeys(
        word.lower()
        for pool in (
            MATERIALS,
            THINGS,
            TOPICS,
            NOUNS,
            TEXT_NOUNS,
            ENUM_VALUES,
            STR_ARGS,
            LIST_ARGS,
            RESULT_KEYS,
        )
        for word in pool
    )
)

SYLLABLE = (
    _words("b bl br c ch cl cr d dr f fl g gr h j k l m n p ph pl pr qu r s sc sh sp st str t th tr v w wh")
    + ("",) * 3,
    _words("a a e e i i o o u ai au ea ee ia ie oa oo ou y"),
    _words("b ck d ff g ght ing l ll ld m mp n nd ng nt p r rd rm rt s sh ss st t tch th ve w x") + ("",) * 6,
)
"""Beginnings, middles and ends of syllables, for words of no language."""
