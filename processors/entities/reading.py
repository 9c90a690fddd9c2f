"""A text as the patterns read it: one form of each letter, and every position still that of the text as written."""

from __future__ import annotations

import re
from collections.abc import Set
from typing import Final, NamedTuple

_TRADITIONAL: Final = (
    "訂订單单電电話话號号塊块萬万兩两點点後后週周禮礼機机運运遞递發发為为個个車车時时間间過过還还沒没錢钱幣币圓元"
    "區区縣县鎮镇鄉乡衛卫東东灣湾臺台門门陸陆貳贰參叁億亿內内櫃柜樓楼棟栋層层員员師师張张陳陈劉刘趙赵黃黄吳吴孫孙"
    "馬马楊杨羅罗鄭郑許许鄧邓馮冯蔣蒋蕭萧葉叶盧卢鐘钟賈贾閻阎駱骆譚谭龍龙萊莱賀贺齊齐湯汤賴赖龔龚莊庄嚴严"
    "達达網网絡络給给買买賣卖費费價价會会開开關关幾几見见頭头鍋锅燈灯籠笼茶茶壺壶視视腦脑鞋鞋襪袜褲裤裙裙飾饰錶表"
    "眼眼鏡镜藥药書书筆笔紙纸飲饮麵面飯饭雞鸡魚鱼蘋苹優优銀银行行貸贷卡卡證证護护照照碼码聯联繫系姓姓稱称兒儿節节"
    "慶庆歲岁聖圣誕诞蘭兰國国廣广蘇苏漢汉濟济寧宁瀋沈陽阳長长連连無无錫锡紹绍興兴貴贵雲云舊旧倫伦頓顿羅罗韓韩"
    "際际線线鍵键盤盘滑滑屏屏幕幕風风熱热器器淨净洗洗衣衣電电冰冰箱箱空空調调餅饼乾干糖糖酒酒傘伞帶带環环鏈链戒戒"
)
_FORMS: Final[dict[int, str]] = {
    **{code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F) if code != 0xFF0C},  # a Chinese comma parts numbers
    **dict.fromkeys((9, 10, 13, 160, 8194, 8195, 8201, 8239, 12288), " "),
    **dict.fromkeys((8208, 8209, 8210, 8211, 8212, 8722, 65123), "-"),
    **dict.fromkeys((8216, 8217, 700), "'"),
    **dict.fromkeys((12316, 8764), "~"),
    0xFFE5: "¥", 0xFFE1: "£", 0x5186: "円",
    **dict(zip(map(ord, _TRADITIONAL[::2]), _TRADITIONAL[1::2], strict=True)),
}  # fmt: skip
_NO_SPEECH: Final = re.compile(
    r"\[[^\[\]\d]{1,20}\]"  # masks: [订单x], [NAME], and the emoji of some channels: [呵呵]
    r"|\[[a-z]{2,12}_\d{1,12}\]|<[a-z_]{2,20}>"
    r"|https?://[!-~]{1,300}|\bwww\.[!-~]{1,300}"
    r"|(?<![a-z0-9._%+-])@(?:[a-z0-9_-]{1,40}|[\u4e00-\u9fff]{1,12})",  # handles
    re.IGNORECASE,
)
_DIGITS: Final = "0123456789"
_SIGNS: Final = re.compile(r"[\[<@/]|www").search
_WORDS: Final = re.compile(r"[a-z]{1,30}").findall


class Reading(NamedTuple):
    """A text, ready to be looked through."""

    text: str
    """As written."""
    plain: str
    """As long as the text: lower case, half width, simplified characters; masks, links and handles blanked out."""
    letters: Set[str]
    """The characters of `plain`."""
    words: Set[str]
    """The Latin words of `plain`."""
    digits: int
    """How many digits there are, so that what looks for long numbers need not."""
    at: int
    """When it was written, in microseconds UTC."""

    def names(self, words: Set[str], letters: Set[str]) -> bool:
        """Whether it has any of these Latin words, or of these characters: a cue that is worth a closer look."""
        return not (self.words.isdisjoint(words) and self.letters.isdisjoint(letters))


def words(parted: str) -> frozenset[str]:
    """Of words parted by spaces."""
    return frozenset(parted.split())


def read(text: str, at: int) -> Reading:
    """Any text whatever, also lone surrogates."""
    lowered = text.lower()
    if not text.isascii():
        # Lowered one by one where a letter would become two, which would move every position after it.
        if len(lowered) != len(text):
            lowered = "".join(c.lower() if len(c.lower()) == 1 else c for c in text)
        lowered = lowered.translate(_FORMS)
    elif "\n" in lowered or "\t" in lowered:
        lowered = lowered.replace("\n", " ").replace("\t", " ").replace("\r", " ")
    if _SIGNS(lowered):
        lowered = _NO_SPEECH.sub(_blank, lowered)
    letters = set(lowered)
    digits = 0 if letters.isdisjoint(_DIGITS) else sum(map(lowered.count, _DIGITS))
    return Reading(text, lowered, letters, set(_WORDS(lowered)), digits, at)


def _blank(match: re.Match[str]) -> str:
    return "\x1f" * len(match.group())
