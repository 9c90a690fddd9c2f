"""Orders, parcels, and what comes back."""

from __future__ import annotations

from typing import Final

from processors.intent_terms.term import Terms

TERMS: Final[dict[str, Terms]] = {
    "order_status": Terms(
        "order_query",
        strong=(
            "订单状态/查订单/查一下订单/查询订单/查下订单/订单查询/看看我的订单/我的订单在哪/order status/"
            "status of my order/check my order/status of order/look up my order/find my order/order confirmation/"
            "order history/is my order confirmed"
        ),
        medium=(
            "查+订单/订单+状态/订单+成功/没有收到确认/订单+不见/订单+看不到/order+confirm/order+status/check+order/"
            "order+went through/order+processed/order+processing/update+order"
        ),
        weak="订单/order/purchase/购买记录",
    ),
    "place_order": Terms(
        "order_query",
        strong=(
            "怎么下单/如何下单/想下单/我要下单/帮我下单/下不了单/无法下单/不能下单/怎么购买/place an order/"
            "place order/make an order/how do i order/how do i buy/how to order/like to order/want to order/"
            "want to buy/bulk order/preorder/pre order/预订/代下单/重新下单/book a flight/book a ticket/book flight"
        ),
        medium="下单/想买/要买/团购/批量/order+online/bulk/buy+for/i like+pizza/pizza/burger/booking",
        weak="买/buy/拍",
    ),
    "cancel_order": Terms(
        "order_query",
        strong=(
            "取消订单/订单取消/撤销订单/不想要了/取消这个订单/取消我的订单/取消那个订单/cancel my order/"
            "cancel the order/cancel order/cancel an order/cancel this order"
        ),
        medium=(
            "不要了/拍错/买错/下错单/重复下单/order+cancel/订单+取消/ordered by mistake/ordered twice/"
            "changed my mind+order/误拍"
        ),
        weak="取消/cancel",
    ),
    "change_order": Terms(
        "order_query",
        strong=(
            "修改订单/改订单/订单修改/改一下订单/change my order/change the order/modify my order/edit my order/"
            "update my order/amend my order/add to my order/add an item/remove an item/加到订单"
        ),
        medium=(
            "选错/改一下/写错/"
            "改+数量/改+颜色/改+尺寸/改成/换成+没发货/备注/add+order/one more+order/change+colour+order/"
            "change+quantity/合并订单/一起发/add+to order/order+instead of"
        ),
    ),
    "track_order": Terms(
        "logistics",
        strong=(
            "到哪了/到哪里了/到哪儿了/物流信息/物流状态/查物流/查快递/快递单号/物流单号/运单/什么时候发货/发货了吗/"
            "还没发货/没发货/怎么还不发/什么时候到/几天能到/何时到/什么时候能到/什么时候送/几时送/"
            "where is my order/wheres my order/where is my package/wheres my package/where is my parcel/"
            "wheres my parcel/track my order/track my package/track my parcel/tracking number/track order/tracking/"
            "track a parcel/has my order shipped/has it shipped/when will it arrive/when will my order/"
            "when will my+arrive/order not arrived/hasnt arrived/has not arrived/not been delivered/"
            "still waiting for my order/havent received my/没收到货/没有收到货/还没到/还没收到/没收到包裹/"
            "where is my card/card not arrived/when will my card/card arrive/shipped yet/物流+不动/物流+没更新/"
            "没有更新"
        ),
        medium=(
            "没收到/能到吗/能到么/送过来/送来/到不了/今天能到/"
            "物流/快递/包裹/发货/派送/催/到货/送货/签收/parcel/package/delivered/arrive/ship+order/order+where/"
            "order+arrive/order+late/courier/wait+order/card+mail/card+post/dispatch/送达"
        ),
        weak="delivery/deliver/配送/送到/收到货/收货/received/shipment/when+come",
    ),
    "urge_delivery": Terms(
        "logistics",
        strong=(
            "催一下/催单/催促/帮我催/快点发货/尽快发货/加急/urgent delivery/speed up my order/"
            "speed up the delivery/expedite"
        ),
        medium="快点送/太慢了/怎么这么慢/hurry+deliver/慢+物流/慢+快递",
    ),
    "delivery_time": Terms(
        "logistics",
        strong=(
            "发货时间/多久发货/多久能到/多久到/要多久到/几天到/几天发货/送货时间/配送时间/多长时间到/"
            "how long does delivery take/how long does shipping take/how long is delivery/how long is shipping/"
            "delivery time/shipping time/how long will it take to arrive/how long to ship/next day delivery/"
            "same day delivery/when do you ship/when do you deliver"
        ),
        medium=(
            "how long+deliver/how long+ship/how long+arrive/how many days+deliver/how many days+ship/多久+发货/"
            "多久+送/周末+送/周末+发货/weekend+deliver/deliver+on saturday/deliver+on sunday/当天发"
        ),
    ),
    "shipping_options": Terms(
        "logistics",
        strong=(
            "运费/邮费/包邮/免运费/发什么快递/什么快递/哪家快递/送到国外/发国外/海外配送/国际配送/delivery cost/"
            "shipping cost/shipping fee/delivery fee/free shipping/free delivery/ship to/deliver to/"
            "shipping options/delivery options/international shipping/ship internationally/which courier/postage/"
            "ship abroad/ship overseas/配送范围/顺丰"
        ),
        medium=(
            "how much+shipping/how much+delivery/do you ship/do you deliver/送货上门/上门/寄到/发到/自提/"
            "pick up+store/overseas/abroad/customs"
        ),
    ),
    "change_address": Terms(
        "logistics",
        strong=(
            "改地址/修改地址/改一下地址/换地址/地址写错/地址填错/地址错/地址打错/收货地址/改收货/"
            "change my delivery address/change the delivery address/change my shipping address/"
            "change the shipping address/change delivery address/wrong address/different address/"
            "change the address/delivery address/shipping address"
        ),
        medium=(
            "地址+改/地址+换/地址+修改/address+order/address+parcel/address+package/收件人/联系电话+改/"
            "redirect+parcel/ship it to+instead"
        ),
        weak="地址",
    ),
    "delivery_problem": Terms(
        "logistics",
        strong=(
            "丢件/包裹丢/快递丢/显示签收/显示已签收/送错/少发/漏发/少了一件/少了一个/缺件/没送到/says delivered/"
            "marked as delivered/lost parcel/lost package/parcel is lost/package is lost/lost in the post/"
            "missing item/item is missing/items missing/missing from my order/wrong item/delivered to the wrong/"
            "stolen from my porch/发错"
        ),
        medium=(
            "丢了+快递/丢了+包裹/签收+没收到/delivered+nothing/delivered+didnt/delivered+not here/missing+order/"
            "missing+parcel/missing+box/incomplete/lost+delivery"
        ),
    ),
    "return_item": Terms(
        "returns_exchange",
        strong=(
            "退货/想退/要退/能退吗/可以退吗/怎么退/申请退/退回去/无理由/七天/7天/return policy/return an item/"
            "return this/return it/return my/return the/send it back/send this back/how do i return/how to return/"
            "can i return/want to return/returns/退掉"
        ),
        medium=(
            "退+不喜欢/退+不合适/退+质量/return+label/return+days/doesnt fit/does not fit/too small+return/send+back/"
            "send back/寄回/退换"
        ),
        weak=(
            "售后/"
            "退/return"
        ),
    ),
    "exchange_item": Terms(
        "returns_exchange",
        strong=(
            "换货/换一个/想换/要换/可以换/能换/换大/换小/换个颜色/换新/调换/exchange it/exchange this/exchange for/"
            "want to exchange/can i exchange/exchange my/swap it/swap for/replacement/different size/"
            "another colour/another size/an exchange"
        ),
        medium="换+颜色/换+尺寸/换+尺码/exchange+size/exchange+colour/swap/exchange/exchange+item/replace+item",
        weak="换",
    ),
    "refund_status": Terms(
        "returns_exchange",
        strong=(
            "退款到哪/什么时候到账/多久到账/几天到账/退款进度/退款到账/退款什么时候/什么时候退款/退款没到/"
            "没收到退款/还没退款/钱什么时候退/什么时候退钱/退款多久/退的钱/where is my refund/wheres my refund/"
            "refund status/status of my refund/havent received my refund/not received my refund/"
            "when will i get my refund/when will i get my money back/refund not showing/refund yet/"
            "still waiting for my refund/get my money back/how long does a refund/how long do refunds/钱退到哪"
        ),
        medium=(
            "到账/退款+多久/退款+到账/退款+没/refund+when/refund+long/refund+days/refund+wait/refund+where/"
            "money back/退钱/refund+showing/refund+arrive"
        ),
    ),
    "refund_request": Terms(
        "returns_exchange",
        strong=(
            "我要退款/申请退款/要求退款/想退款/可以退款/给我退款/退款吧/i want a refund/get a refund/"
            "request a refund/want my money back/refund me/refund my/refund policy/like a refund/refund this/"
            "退差价/价保/保价/价格保护"
        ),
        medium="退款/refund/赔偿/compensation/降价/差价",
    ),
    "damaged_item": Terms(
        "returns_exchange",
        strong=(
            "收到是坏的/破损/碎了/摔坏/有裂/裂了/坏了/有瑕疵/质量问题/有问题的货/arrived broken/arrived damaged/"
            "is broken/was broken/is damaged/was damaged/arrived cracked/is cracked/is faulty/defective/"
            "stopped working/came broken/came damaged/smashed/shattered/in pieces"
        ),
        medium=(
            "返修/维修/修一下/保修期内/repair/"
            "碎的/碎了/裂的/坏的/坏+收到/裂+收到/漏水/掉色/不亮/开不了/用不了/broken/damaged/faulty/cracked/"
            "chipped/leak/doesnt work/not working+bought/scratched/torn/变形/划痕/发霉/wont turn on"
        ),
        weak="坏",
    ),
}
