"""Names of people, where a cue says that one follows; nobody is looked for elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from processors.entities.kinds import CUED, Found
from processors.entities.reading import Reading, words

SURNAMES: Final = (
    "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜戚谢邹喻柏水窦章云苏潘葛奚范彭郎鲁韦昌马苗凤花方俞任袁柳鲍史唐费廉岑薛雷贺倪汤"
    "滕殷罗毕郝邬安常于傅皮卞齐康伍余元卜顾孟平黄穆萧尹姚邵湛汪祁毛禹狄米贝明臧计伏成戴谈宋茅庞熊纪舒屈项祝董梁杜阮蓝闵席季麻强贾路娄危江童颜郭"
    "梅盛林刁钟徐邱骆高夏蔡田樊胡凌霍虞万支柯管卢莫房裘缪解应宗丁宣邓郁单杭洪包诸左石崔吉龚程邢裴陆荣翁荀甄曲封靳井段富巫乌焦巴弓牧隗谷车侯"
    "宓蓬全班仰秋仲伊宫宁仇栾暴甘厉戎祖武符刘景詹束龙叶幸司韶黎白温阎艾文冉连习向古易廖肖涂佟游关欧尚岳聂代"
)
_COMPOUND: Final = r"欧阳|上官|司马|诸葛|司徒|东方|皇甫|尉迟|公孙|慕容|令狐|夏侯"
_SURNAME: Final = f"(?:{_COMPOUND}|[{SURNAMES}])"
_NO_GIVEN: Final = (
    r"(?!电话|手机|地址|订单|住在|家住|今年|想要|想问|要求|在线|是我|的|了|先生|女士|小姐|老师|同学|这|那|你|您|我"
    r"|他|她|来|去|不|没|就|都|和|什么|啥|客服|单号|收货|收件|问|点|好|个)"
)
_HAN_NAME: Final = rf"{_SURNAME}{_NO_GIVEN}[\u4e00-\u9fff](?:{_NO_GIVEN}[\u4e00-\u9fff])?"
_HAN: Final = re.compile(
    r"(?:我叫|我的名字[是叫]|名字[是叫为:]|本人叫|姓名(?:[是为:]{1,2}|(?=\s))"
    r"|(?:收[件货]人(?:姓名)?|联系人)(?:改[成为]|换[成为]|[是叫为:]|(?=\s)))\s?"
    rf"(?P<name>{_HAN_NAME})"
    rf"|(?:收[件货]人|联系人|姓名)(?P<bare>{_HAN_NAME})(?![\u4e00-\u9fff])"
)
_HAN_TITLED: Final = re.compile(
    rf"(?<![\u4e00-\u9fff])(?P<name>{_SURNAME}[\u4e00-\u9fff]{{0,2}})(?=先生|女士|小姐)|(?:我姓|免贵姓)"
    rf"(?P<surname>{_SURNAME})"
)
_WORD: Final = r"[^\W\d_][^\W\d_'-]{0,24}(?:['-][^\W\d_]{1,20})?"
_NAMED: Final = re.compile(
    rf"(?:\bmy (?:full |first |last )?name(?: is|'s|:)|\bname on (?:the )?(?:account|order|card|booking) is|"
    rf"(?:\bfull |\bcustomer |\bpassenger |^)name(?: is|\s?:)|\bi am called"
    rf"|\bthey call me)\s{{1,2}}(?P<name>{_WORD}(?: {_WORD}){{0,2}})"
)
_INTRODUCED: Final = re.compile(
    rf"\b(?:this is|i am|i'm|regards,?|sincerely,?|cheers,?|mrs?\.?|ms\.?|miss|dr\.?)\s(?P<name>{_WORD}"
    rf"(?: {_WORD}){{0,2}})"
)
_NO_NAME: Final = words(
    "a an and or the i is am are was were be been my your his her its our their this that it not no yes on in "
    "at to of for from with by but so if as because please pls thanks thank hi hello hey order number booking "
    "confirmation flight email mail phone date account card cancelled canceled flight flights booked delayed "
    "stuck stranded done impressed disappointed password pin code age address passport city state username "
    "user login id name first last spelled spelt you we he she they me us can could would will do does did "
    "have has had just still here there what when where who why how want need would like here's misspelled "
    "wrong incorrect missing under used customer agent sir madam team support service very really so too both "
    "all getting going trying calling looking writing having sorry happy sure ok okay about now today "
    "tomorrow and/or on also then while since zip code ssn dob living live located shown showing being same "
    "different changed change already"
)
_NAMED_GATE: Final = words("name called call")
_INTRODUCED_GATE: Final = words("this am m regards sincerely cheers mr mrs ms miss dr")
_HAN_GATE: Final = frozenset("叫名人姓先女小")
_BEFORE_NAME: Final = frozenset({"mr", "mrs", "ms", "miss", "dr"})


def people(reading: Reading) -> Iterator[Found]:
    """Values: as written, without more than one space."""
    if not _HAN_GATE.isdisjoint(reading.letters):
        for pattern in (_HAN, _HAN_TITLED):
            for match in pattern.finditer(reading.plain):
                yield _found(reading, *match.span(match.lastgroup or 0))
    if not _NAMED_GATE.isdisjoint(reading.words):
        for match in _NAMED.finditer(reading.plain):
            if end := _end_of_name(reading, match, in_capitals=False):
                yield _found(reading, match.start("name"), end)
    if not _INTRODUCED_GATE.isdisjoint(reading.words):
        for match in _INTRODUCED.finditer(reading.plain):
            if end := _end_of_name(reading, match, in_capitals=True):
                yield _found(reading, match.start("name"), end)


def _end_of_name(reading: Reading, match: re.Match[str], in_capitals: bool) -> int:
    """Where the name ends: before the first word that is none; 0 where nothing is left of it.

    In capitals: "this is Anna Smith" has two words with capitals (a title needs one), "this is Bad" is no name.
    """
    first = start = end = match.start("name")
    if in_capitals and reading.text.isupper():
        return 0
    count = 0
    for word in match["name"].split(" "):
        written = reading.text[start : start + len(word)]
        if word in _NO_NAME or (in_capitals and not written[:1].isupper()) or (len(word) == 1 and not count):
            break
        if count and not in_capitals and written.islower() != reading.text[first : first + 2].islower():
            break  # Anna wrote: the name has capitals, what follows has none
        end, count, start = start + len(word), count + 1, start + len(word) + 1
    titled = match.group().split(" ")[0].rstrip(".") in _BEFORE_NAME
    enough = count >= (2 if in_capitals and not titled else 1)
    return (end - 2 if reading.plain.endswith("'s", first, end) else end) if enough else 0


def _found(reading: Reading, start: int, end: int) -> Found:
    return Found(start, end, "person", " ".join(reading.text[start:end].split()), CUED)
