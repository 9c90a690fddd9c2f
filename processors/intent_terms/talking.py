"""Talk: complaints, people, pleasantries, other worlds, and answers that only continue."""

from __future__ import annotations

from typing import Final

from processors.intent_terms.term import Terms

TERMS: Final[dict[str, Terms]] = {
    "complaint": Terms(
        "complaint",
        strong=(
            "投诉/举报/12315/消协/差评/曝光/态度差/态度恶劣/服务太差/服务态度/太差劲/骗子/欺骗/欺诈/虚假宣传/"
            "垃圾店/黑店/坑人/complaint/complain/make a complaint/file a complaint/formal complaint/"
            "terrible service/awful service/worst service/bad service/poor service/appalling/disgrace/disgraceful/"
            "unacceptable/ombudsman/trading standards/rip off/ripped off/treated badly/rude/your company is/"
            "worst company/worst shop/worst bank/never shop here/never buy again/sue you/my lawyer/consumer rights"
        ),
        medium=(
            "consumer claim/lodge/reclamation/"
            "太差/气死/受够/忍无可忍/失望/垃圾/无语/不负责/推卸/敷衍/没人管/太过分/ridiculous/disgusting/disgusted/"
            "fed up/sick of/angry/furious/outrageous/worst/terrible/awful/horrible/pathetic/useless/joke/shame/"
            "disappointed/nobody+help/no one+help/third time/never again/lied/liar"
        ),
    ),
    "request_human": Terms(
        "human_handoff",
        strong=(
            "人工/转人工/找人工/人工客服/人工服务/真人/找客服/转接客服/活人/不要机器人/别用机器人/human/"
            "real person/talk to someone/speak to someone/speak with someone/talk to a person/speak to a person/"
            "live agent/live chat/human agent/an agent/speak to an agent/representative/customer service agent/"
            "speak to a manager/talk to a manager/operator/someone real/actual person/connect me/call me back/"
            "phone me/speak to your manager/找经理/找你们经理/叫你们经理/speak to an adviser/an adviser/an advisor/"
            "speak to somebody/打电话给我/transfer me to"
        ),
        medium=(
            "customer service/customer support/customer care/"
            "客服/agent/经理/manager/adviser/advisor/staff member/not a bot/robot/机器人/someone+call/a person"
        ),
    ),
    "greeting": Terms(
        "chit_chat",
        medium=(
            "hii/helo/are you there/在不/"
            "你好/您好/在吗/在不在/有人吗/哈喽/嗨/早上好/下午好/晚上好/hello/hi/hey/good morning/good afternoon/"
            "good evening/hai/hiya/greetings/morning/亲/在么"
        ),
    ),
    "thanks": Terms(
        "chit_chat",
        medium=(
            "thankyou/thanku/tq/"
            "谢谢/多谢/感谢/辛苦了/谢啦/谢了/3q/thank you/thanks/thank/thx/cheers/appreciate/much appreciated/ty"
        ),
    ),
    "goodbye": Terms(
        "chit_chat",
        strong="have a nice day/have a good day/have a great day",
        medium=(
            "byee/没有啦/没了/没啦/木有了/"
            "再见/拜拜/bye/goodbye/good bye/see you/that is all/thats all/没有了/没事了/没别的了/没问题了/"
            "nothing else/good night/晚安/回见/no more questions"
        ),
    ),
    "about_bot": Terms(
        "chit_chat",
        strong=(
            "who made you/where are you from/what can i ask/do you work for/your name/your age/your hobby/"
            "你是谁/你是机器人/你叫什么/你是人吗/你是真人/你多大/你会什么/你能做什么/who are you/are you a bot/"
            "are you a robot/are you human/are you real/what are you/whats your name/what is your name/"
            "what can you do/how are you/how old are you/tell me a joke/讲个笑话/讲笑话/你好吗/你喜欢/你吃饭/"
            "are you an ai/how is your day/do you like/how are things"
        ),
        medium="无聊/聊天/陪我/joke/哈哈/haha/lol/想你/bored/chat with me/聊聊",
    ),
    "compliment": Terms(
        "chit_chat",
        strong=(
            "服务真好/真不错/太棒了/好评/很满意/你真好/well done/great service/excellent service/very helpful/"
            "you are great/youre great/love your shop/five stars/good job/很喜欢/love it/真棒/太好了"
        ),
        medium=(
            "喜欢/满意/great/perfect/awesome/wonderful/excellent/fantastic/nice/不错/厉害/棒/lovely/amazing/"
            "brilliant"
        ),
    ),
    "off_topic": Terms(
        "out_of_scope",
        strong=(
            "天气/诗/写作文/股票/彩票/足球/球赛/电影/明星/做饭/菜谱/翻译一下/总统/唱首歌/唱歌/算命/星座/数学题/"
            "讲个故事/写代码/weather/write a poem/poem/write an essay/essay/football/who won/capital of/president/"
            "prime minister/recipe/movie/sing me/sing a song/horoscope/homework/lottery/write code/python script/"
            "translate this/translate/meaning of life/bitcoin/crypto price/stock market/set an alarm/play music/"
            "play a song/book a restaurant/tell me a story/dinosaur/moon landing/solve this/square root/世界杯/"
            "高考/外卖/打车/导航/tax return/who invented/how tall is/population of/news today"
        ),
        medium=(
            "作文/游戏/song/story/game/equation/universe/aliens/planet/历史/作业/restaurant/pizza recipe/alarm/"
            "music"
        ),
    ),
    "not_helped": Terms(
        "dialogue_act",
        strong=(
            "没解决/没有解决/还是不行/没用/没有用/答非所问/不是这个/不是我要的/不是问这个/听不懂/你没回答/没回答我/"
            "还是不知道/not what i asked/not what i meant/didnt answer/did not answer/that didnt help/"
            "that did not help/didnt help/not helpful/doesnt help/does not help/still doesnt work/"
            "still not working/still does not work/that is not what/thats not what/thats not my question/"
            "you dont understand/you do not understand/doesnt answer/wrong answer/already tried that/tried that/"
            "i already did that"
        ),
        medium="没懂/不对/no use/unhelpful/still+work",
    ),
    "confirm": Terms("dialogue_act"),
    "reject": Terms("dialogue_act"),
    "give_details": Terms("dialogue_act"),
    "nonsense": Terms("out_of_scope"),
}

CONFIRM: Final = (
    "sir madam mam confirm confirmed en emm please "
    "yes yeah yep yup ya y ok okay okey k kk sure right correct fine alright agreed please do it go ahead exactly "
    "definitely of course great good perfect cool that is thats it one works for me sounds got understood i see "
    "will oh ah um well hmm so then a the to all done and"
)
"""Words of which nothing but an acknowledgement consists, if one of its core is among them."""
REJECT: Final = (
    "enough sir madam mam nothanks else more further "
    "no nope nah not dont do now thanks never mind nevermind none neither really i want it need that nothing didnt "
    "did was have havent am"
)
"""The same, of a refusal."""
CONFIRM_CORE: Final = (
    "confirm confirmed en "
    "yes yeah yep yup ya y ok okay okey k kk sure right correct fine alright agreed exactly definitely course "
    "understood see go done good cool"
)
REJECT_CORE: Final = (
    "nothing nothanks "
    "no nope nah never nevermind none neither"
)
ZH_CONFIRM: Final = (
    "麻烦 麻烦你 麻烦您 您 你 "
    "好的 好吧 好滴 好呀 好啊 好嘞 好哒 好 嗯嗯 嗯 恩恩 恩 哦哦 哦 噢 是的 是 对的 对 对呀 行 行吧 可以 可以的 "
    "没错 知道了 明白了 明白 了解 了解了 收到 嗯呢 行的 没问题 确定 确认 同意 要的 需要 有的 那好吧 那就这样 哈 呢 "
    "吧 啊 呀 哒 的 了 喔 额 那 我 等"
)
"""Parts of which nothing but an acknowledgement consists in Chinese."""
ZH_REJECT: Final = (
    "没有啦 没了 没啦 "
    "不用了 不用 不要 不需要 不是 没有 不 不行 不可以 算了 不想 没 暂时 先 吧 了 的 啊 呢 我 那就 那 不了"
)
"""The same, of a refusal."""
