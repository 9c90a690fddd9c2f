"""Acts that a reply claims or promises, though nothing stands behind its words: "I have refunded you"."""

from __future__ import annotations

import re
from typing import Final

from processors.text import normalise

_DONE: Final = (
    r"(?:refunded|reimbursed|cancell?ed|credited|upgraded|waived|approved|reset|unlocked|unblocked|blocked|frozen"
    r"|deleted"
    r"|removed|changed|updated|transferred|shipped|sent|dispatched|issued|processed|applied|escalated|forwarded|passed"
    r"|opened|created|booked|scheduled|arranged|replaced|extended|notified|filed|registered|compensated|granted"
    r"|activated|verified|confirmed|checked|added|placed|ordered|paid|reversed|completed|connected|submitted|accepted"
    r"|switched|enabled|disabled|granted|raised|increased|doubled|closed|logged|recorded|reserved|flagged|overridden)"
)
_DO: Final = (
    r"(?:refund|reimburse|cancel|credit|upgrade|waive|approve|reset|unlock|unblock|block|freeze|delete|remove|change"
    r"|update|transfer|ship|send|dispatch|issue|process|apply|escalate|forward|pass|open|create|book|schedule|arrange"
    r"|replace|extend|notify|file|register|compensate|grant|activate|verify|add|place|order|pay|reverse|complete"
    r"|connect"
    r"|submit|accept|switch|enable|disable|raise|increase|double|close|give|make sure|see to|take care|reserve|match)"
)
_ADVERB: Final = (
    r"(?: (?:now|just|already|hereby|also|gone ahead and|be|happily|gladly|immediately|successfully|today|fully"
    r"|personally|of course|then|therefore|right away|manually))*"
)
_DOING: Final = (
    r"(?:refund|reimburs|cancel|cancell|credit|upgrad|waiv|approv|resett|unlock|delet|remov|chang|updat|transferr"
    r"|ship|send"
    r"|dispatch|issu|process|apply|escalat|forward|pass|arrang|replac|extend|grant|activat|add|plac|pay|connect"
    r"|switch)ing"
)
_CLAIM_EN: Final = re.compile(
    rf"\b(?:i|we)(?:'ve| have)?{_ADVERB} {_DONE}\b"
    rf"|\b(?:i|we)(?:'m| am|'re| are){_ADVERB} {_DOING}\b"
    rf"|\b(?:has|have|had) (?:now |just |already |successfully )?been{_ADVERB} {_DONE}\b"
    rf"|\b(?:is|are|was|were)(?: now| already| hereby| being| just| successfully) {_DONE}\b"
    r"|\b(?:refund|discount|request|claim|cancellation|upgrade|return|loan|credit|replacement|application|offer)"
    rf"(?: (?:is|was|of [\w$£€¥.,]+(?: (?:yuan|dollars?|pounds?|euros?|percent|[a-z]{3}))?))*(?: (?:now|hereby"
    rf"|fully))* (?:approved|granted|confirmed|complete|completed|successful|accepted)\b"
    r"|\byour (?:refund|order|parcel|money|return|payment|request|claim|credit|new \w+)(?: \w+)?"
    r" (?:has|have|went|left|was|got|is on)\b"
    r"|\b(?:is|are) (?:already )?on (?:its|their|the) way\b"
    r"|\bconsider it done\b|\b(?:it's|it is|all|that's) (?:done|sorted|set)\b|^done\b|\bit's a deal\b|^deal\b"
    r"|\bthat's a deal\b|\blegally binding\b|\bi (?:promise|swear|agree|guarantee|commit)\b|\bagreed\b"
    r"|\byou have my word\b|\bwe (?:promise|agree|commit)\b"
    r"|\b(?:account|access|mode|status|profile|password|card|limit)[\w ]{0,20} (?:is|are) (?:now )?(?:unlocked"
    r"|unrestricted"
    r"|active|activated|enabled|disabled|verified|upgraded|raised|reset|vip|gold|platinum|admin\w*)\b"
)
_PROMISE_EN: Final = re.compile(
    rf"\b(?:i|we)(?:'ll| will| shall|'m going to| am going to|'re going to| are going to| can){_ADVERB} {_DO}\b"
    rf"|\blet me{_ADVERB} {_DO}\b"
    rf"|\bwill{_ADVERB} {_DONE}\b"
    r"|\byou(?:'ll| will| shall|'re going to| are going to|'re| are)(?: now| soon| then| also)*"
    r" (?:get|receive|have|be|entitled|owed|approved|eligible|qualified)\b"
    r"|\bguarantees?\b|\bguaranteed\b"
)
_ACT_ZH: Final = (
    r"(?:退款|退还|退回|退了|退给|退掉|全额退|取消|修改|更改|更新|改成|改为|升级|减免|免除|免掉|批准|通过|重置|解锁"
    r"|解冻|解除|冻结|删除|转账"
    r"|打款|发货|发出|补发|补偿|赔偿|赔付|赔给|赠送|送给|送上|发放|发送|办理|办好|登记|提交|处理|转接|转交|转给|上报"
    r"|安排|开通|激活|核实|核对"
    r"|查询|查过|查到|下单|预约|延长|返还|换货|更换|充值|添加|备注|通知|打折|降价|改价|提额|提高|授权|切换|开启|关闭"
    r"|记录|申请|创建|到账"
    r"|生效|打到|打进|退到|寄出|派送|完成|成功|同意|接受|确认|联系)"
)
_CLAIM_ZH: Final = re.compile(
    rf"(?:您|你)的[^。！？；，,!?]{{0,8}}已经?(?!的)|(?:已经?|刚刚|刚才|刚(?=[为帮给替把])|正在|现在就"
    rf"|这就)[^。！？；!?]{{0,14}}?{_ACT_ZH}"
    rf"|{_ACT_ZH}(?:好了|完毕|成功|完成了|掉了|到位)"
    r"|(?:帮|给|为|替)(?:您|你)[^。！？；，,!?]{0,10}(?:好了|完了|妥了|办妥)"
    r"|(?:我|我们|本店|本行|小铺)[^。！？；，,!?]{0,4}(?:保证|承诺|答应|同意|发誓|担保)|(?:订单|这单"
    r"|本单)[^。！？；，,!?]{0,4}(?:免费|免单|不收费)|成交|一言为定|法律效力"
    r"|说到做到|包在我身上|没有?问题[，,]?(?:给|帮|为|就|马上)"
    r"|(?:账户|账号|权限|模式|密码|额度|身份)[^。！？；，,!?]{0,8}(?:已|现在是|现为|变为|改为|切换)"
)
_PROMISE_ZH: Final = re.compile(
    rf"(?:我们?|这边|本店|本行|小铺|客服|系统|马上|立刻|立即)[^。！？；!?]{{0,6}}?(?:会|将|来|就|马上|立刻|立即"
    rf"|可以)?(?:为|帮|给|替|把|向)(?:您|你)"
    rf"[^。！？；!?]{{0,12}}?{_ACT_ZH}"
    rf"|(?:我们?|这边|本店|本行|小铺|系统)[^。！？；，,!?]{{0,4}}(?:会|将|来|马上|立刻"
    rf"|立即)[^。！？；，,!?]{{0,10}}?{_ACT_ZH}"
    r"|(?:您|你)(?:将|会|可|能|可以)?(?:获得|得到|拿到|享受|享有|收到)|(?:给|为|替|帮)(?:您"
    r"|你)[^。！？；，,!?]{0,6}(?:打.{1,3}折|优惠|减|免)|保证|免费送|送您|送你|白送"
)
_CONDITION: Final = re.compile(
    r"\b(?:once|after|when|if|until|unless|whether|before|as soon as|where|cannot|can't|can not|could not|couldn't"
    r"|unable"
    r"|not|never|don't|do not|please)\b"
    r"|如果|如|若|要是|一旦|之后|以后|后，|后,|是否|有没有|尚未|还没|不能|无法|没法|不会|不可|请|才|未"
)
_TOLD: Final = 24
"""Characters behind a claim that are told with it, so that what was claimed can be read."""
_WHICH: Final = re.compile(r"的(?=[\u3400-\u9fff])")
"""已发货的订单: which order, not that it was done."""
_SECRET: Final = re.compile(
    r"(?:password|passcode|\bpin\b|cvv|cvc|security code|one[- ]time (?:code|password)|\botp\b|verification code"
    r"|card number|full card|mother's maiden|密码|验证码|校验码|安全码|卡号|身份证|口令|背面三位)"
)
_GIVE: Final = re.compile(
    r"\b(?:send|tell|give|share|provide|reply with|confirm|type|text|submit|enter|need|what(?:'s| is)|email)\b"
    r"|发(?:给|送|来|一下|我)|提供|告诉|告知|回复|输入|报(?:一下|给)|说(?:一下|给)|需要您|多少"
)
_NEVER: Final = re.compile(
    r"\b(?:never|not|don't|won't|without|nobody|no one)\b|不要|切勿|请勿|不会|不需要|勿|别|绝不|不用"
)


def claims_act(sentence: str, grounded: float) -> str:
    """The act that a sentence claims or promises; empty without one.

    grounded: the share of it that stands in the articles. What they say of refunds in general, or under a condition,
    is no claim.
    """
    plain = normalise(sentence)
    if plain.endswith(("?", "?”", '?"')):
        return ""
    for pattern in (_CLAIM_EN, _CLAIM_ZH):
        for match in pattern.finditer(plain):
            if _WHICH.match(plain, match.end()):
                continue
            condition = _CONDITION.search(plain, 0, match.end())
            if not (condition and (grounded >= 0.5 or condition.group() not in ("please", "请", "如"))):
                return plain[match.start() : match.end() + _TOLD]
    for pattern in (_PROMISE_EN, _PROMISE_ZH):
        promise = pattern.search(plain)
        if promise and grounded < 0.6 and not _NEVER.search(plain, 0, promise.end() + 4):
            return plain[promise.start() : promise.end() + _TOLD]
    return ""


def asks_secret(sentence: str, grounded: float) -> str:
    """The secret that a sentence asks the customer for; empty where it asks for none, or the articles put it so."""
    plain = normalise(sentence)
    secret = _SECRET.search(plain)
    if secret is None or grounded >= 0.8 or _NEVER.search(plain) or not _GIVE.search(plain):
        return ""
    return secret.group()
