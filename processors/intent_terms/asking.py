"""Products, services, and the shop or bank itself."""

from __future__ import annotations

from typing import Final

from processors.intent_terms.term import Terms

TERMS: Final[dict[str, Terms]] = {
    "product_info": Terms(
        "product_question",
        strong=(
            "什么材质/材质/多大/多重/多高/尺寸/尺码/什么颜色/几种颜色/有几个颜色/怎么用/如何使用/使用方法/说明书/"
            "怎么清洗/怎么洗/防水吗/保修/质保/正品/是真的吗/有什么区别/哪个好/推荐/what is it made of/"
            "what material/made of/how big/how heavy/what size/which size/size guide/dimensions/what colours/"
            "what colors/which colours/waterproof/dishwasher safe/how do i use/how do i clean/how to clean/"
            "warranty/guarantee/difference between/recommend/do you sell/do you stock/is it safe/can it be used/"
            "how long does the battery/what wattage/handmade/does it come with/gift wrapping/"
            "gift wrap/礼品包装/保质期/产地/哪里产"
        ),
        medium=(
            "区别/贺卡/怎么安装/difference/"
            "适合/功能/规格/型号/配件/容量/功率/安装/clean/material/size/colour/color/weight/battery/bulb/safe for/"
            "suitable/features/spec/wash/how does+work/包装/instructions/assemble/care for/microwave/outdoor/"
            "indoor/灯泡/bulb"
        ),
        weak=(
            "产品/商品/质量/is the/"
            "does the/product/item/model/怎么样/好用/茶壶/灯笼/茶具/蜡烛/香薰/lantern/teapot/candle/tea set/"
            "能不能用/可以用吗"
        ),
    ),
    "stock": Terms(
        "product_question",
        strong=(
            "有货吗/有现货/现货/什么时候有货/补货/缺货/没货/断货/还有吗/有没有货/in stock/out of stock/"
            "back in stock/available in/sold out/restock/when will you have/do you have this/do you have the/"
            "do you have any"
        ),
        medium="有货/货+什么时候/available/stock",
        weak="do you have/有没有/上架",
    ),
    "price": Terms(
        "product_question",
        strong=(
            "多少钱/什么价/价格/怎么卖/how much is/how much are/how much does/what is the price/price of/"
            "whats the price/price match/how much for"
        ),
        medium="价钱/price/cost/how much",
    ),
    "card_question": Terms(
        "product_question",
        strong=(
            "virtual card/physical card/contactless/apple pay/google pay/new card/spare card/card limit/"
            "card expire/card expires/activate my card/activate card/credit card offer/which cards/"
            "use my card abroad/use card abroad/card abroad/debit card work/credit limit/spending limit/"
            "daily limit/withdrawal limit/cash limit/atm limit"
        ),
        medium="card+abroad/card+limit/card+use/card+apply/card+travel/card+work/atm/card+expire/card+second",
        weak="card/limit",
    ),
    "rates": Terms(
        "product_question",
        strong=(
            "interest rate/interest rates/savings rate/mortgage rate/mortgage/loan rate/personal loan/apr/"
            "exchange rate/savings account/isa/fixed rate/what rate/borrow/car loan/home loan/student account/"
            "joint account/business account/利率/贷款/exchange rates/eligible/eligibility/quote"
        ),
        medium="loan/savings/interest/rate/invest/currency/foreign currency/euros",
    ),
    "start_service": Terms(
        "service_change",
        strong=(
            "open an account/open account/open a savings/open a joint/new account/start a service/new service/"
            "start service/sign up for/sign me up/subscribe/subscription/become a member/join the membership/"
            "membership/set up an overdraft/arrange an overdraft/apply for/开通/办理/会员/订阅/预约安装/成为会员/"
            "办会员/open a current/upgrade to/register for/paperless"
        ),
        medium=(
            "注册/install+appointment/enrol/apply/overdraft/switch my account/switch to/sign up/add a person/"
            "add my/join"
        ),
        weak="account+open/service",
    ),
    "change_service": Terms(
        "service_change",
        strong=(
            "升级套餐/换套餐/改套餐/升级会员/降级/续费/自动续费/upgrade my account/upgrade my plan/"
            "upgrade my membership/upgrade service/change my plan/change plan/downgrade/renew/auto renew/"
            "change my seat/seat change/change seat/transfer my service/increase my overdraft/raise my limit/"
            "increase my limit/increase my credit limit/raise my credit limit/change my account type/预约改/改预约/"
            "change my appointment/reschedule/book an appointment/make an appointment/改时间"
        ),
        medium="upgrade/套餐/plan/appointment/预约/seat/increase+limit/raise+limit/boarding pass",
    ),
    "stop_service": Terms(
        "service_change",
        strong=(
            "取消会员/退订/取消订阅/关闭自动续费/取消自动续费/unsubscribe/cancel my membership/"
            "cancel my subscription/cancel my plan/stop my subscription/stop service/cancel my service/"
            "cancel subscription/cancel membership/cancel my direct debit/cancel a standing order/"
            "cancel my standing order/turn off auto/stop the newsletter/别再发短信/不要再发短信"
        ),
        medium="cancel+membership/cancel+subscription/newsletter/取消+会员/取消+续费/marketing emails",
    ),
    "store_info": Terms(
        "other",
        strong=(
            "营业时间/几点开门/几点关门/几点下班/门店/实体店/在哪里开店/店在哪/地址在哪里/联系方式/电话多少/"
            "客服电话/opening hours/opening times/what time do you open/what time do you close/are you open/"
            "where are you located/nearest branch/branch/store location/your shop located/physical shop/"
            "phone number for/contact number/招聘/加盟/合作/careers/are you hiring/jobs/wholesale/partnership/供货/"
            "公益/环保/sustainability/recycle"
        ),
        medium=(
            "营业/开门/上班时间/open+sunday/open+today/opening/closing/located/hiring/bank holiday/public holiday/"
            "节假日"
        ),
    ),
    "unknown": Terms("other"),
}
