"""Money, and who may touch it."""

from __future__ import annotations

from typing import Final

from processors.intent_terms.term import Terms

TERMS: Final[dict[str, Terms]] = {
    "payment_methods": Terms(
        "payment",
        strong=(
            "付款方式/支付方式/怎么付款/怎么支付/能用微信/微信支付/支付宝/花呗/货到付款/信用卡支付/分期/"
            "payment methods/payment options/ways to pay/how can i pay/how do i pay/pay with paypal/pay by card/"
            "pay with/accept paypal/accept credit/accept visa/apple pay+accept/cash on delivery/pay in instalments/"
            "installments/instalments/白条"
        ),
        medium="可以付/能付/paypal/take+visa/take+mastercard/take+card/accept+card/pay+paypal/pay+credit card/klarna",
        weak="支付/付款/pay/visa/mastercard/alipay/wechat",
    ),
    "payment_failed": Terms(
        "payment",
        strong=(
            "付款失败/支付失败/付不了款/付不了/支付不了/无法支付/不能付款/无法付款/payment failed/payment declined/"
            "card declined/card was declined/declined/payment didnt go through/payment did not go through/cant pay/"
            "cannot pay/unable to pay/payment error/payment not going through/payment is pending/pending payment/"
            "transfer failed/payment rejected"
        ),
        medium=(
            "支付+错误/付款+错误/pay+error/checkout+error/payment+fail/checkout+fail/payment+problem/card+reject/"
            "pending/not gone through"
        ),
    ),
    "charge_question": Terms(
        "payment",
        strong=(
            "重复扣款/扣了两次/多扣/扣错/扣款/乱扣/charged twice/double charged/charged me twice/charged two times/"
            "overcharged/wrong amount/extra charge/unexpected charge/charged for/what is this charge/"
            "dispute a charge/dispute charge/dispute a transaction/duplicate charge/fee on my/charged a fee/"
            "why was i charged/why did you charge/两笔"
        ),
        medium=(
            "扣+两次/扣+钱/charge+twice/charge+why/taken twice/debited twice/fee+why/charge+wrong/money was taken/"
            "statement+charge/charge+recognise"
        ),
        weak="charge/charged/fee/fees/debited/手续费",
    ),
    "invoice": Terms(
        "payment",
        strong="发票/开票/开发票/电子发票/专票/普票/抬头/税号/invoice/receipt/tax receipt/vat",
        medium="报销/expense report",
    ),
    "discount": Terms(
        "payment",
        strong=(
            "优惠券/优惠码/红包/满减/折扣/打折/有优惠/优惠吗/便宜点/积分/discount/coupon/promo code/promotion code/"
            "voucher/gift card/loyalty points/student discount/礼品卡/活动价"
        ),
        medium="优惠/便宜/活动/code+work/promo/sale/points/赠品/送东西/rewards/deals",
    ),
    "balance": Terms(
        "payment",
        strong=(
            "my balance/account balance/check balance/check my balance/available balance/balance/"
            "how much money do i have/how much do i have/余额/bank statement/my statement/see my transactions/"
            "recent transactions/account statement/download a statement"
        ),
        medium="statement/transaction+list/transactions",
    ),
    "transfer": Terms(
        "payment",
        strong=(
            "transfer money/send money/make a transfer/bank transfer/wire transfer/international transfer/"
            "transfer to/move money/money transfer/standing order/direct debit/transfer limit/payee/pay a bill/"
            "pay my bill/pay bill/swift/iban/routing number/sort code/转账/汇款/transfer arrive/my transfer/"
            "how long does a transfer/transfer take/scheduled payment"
        ),
        medium=(
            "transfer/wire/bill/where is my money/transfer+arrive/money+arrive/deposit+cheque/cheque/check deposit/"
            "top up/direct deposit"
        ),
        weak="deposit/withdraw/cash",
    ),
    "fees": Terms(
        "payment",
        strong=(
            "what fees/any fees/monthly fee/account fee/overdraft fee/foreign transaction fee/late fee/atm fee/"
            "how much do you charge/fees for/fees abroad/fee for"
        ),
        medium="fee+abroad/fee+atm/fee+account/fees+card/charge+abroad/cost+transfer",
    ),
    "login_problem": Terms(
        "account_security",
        strong=(
            "登录不了/登不上/登录不上/无法登录/登陆不了/登不进/不能登录/账号被锁/账户被锁/被封号/验证码/"
            "cant log in/cannot log in/unable to log in/cant login/cannot login/log in problem/login problem/"
            "locked out/account is locked/account locked/account blocked/cant sign in/cannot sign in/"
            "cant access my account/cannot access my account/verification code/one time code/app wont let me in/"
            "收不到短信"
        ),
        medium=(
            "registration/create an account/create account/register+error/register+problem/sign up+problem/"
            "code+never/code+come/code+receive/登录/登陆/login/log in/sign in/access+account/app+code/authenticat/"
            "code+sms/code+text message/blocked"
        ),
        weak="账号/账户/account",
    ),
    "reset_password": Terms(
        "account_security",
        strong=(
            "忘记密码/密码忘/改密码/修改密码/重置密码/找回密码/换密码/forgot my password/forgot password/"
            "reset my password/reset password/change my password/change password/forgotten password/forgot my pin/"
            "change my pin/reset my pin/new pin/pin blocked/pin is blocked/forgotten my pin/forgot my passcode/"
            "password reset/change pin"
        ),
        medium="密码/password/passcode/pin",
    ),
    "lost_card": Terms(
        "account_security",
        strong=(
            "lost my card/lost card/stolen card/card was stolen/card stolen/card is missing/lost my debit/"
            "lost my credit/freeze my card/block my card/freeze card/cancel my card/lost my wallet/"
            "wallet was stolen/stole my/lost my phone/report a lost/lost or stolen/cant find my card/"
            "cannot find my card/unfreeze/card got swallowed/swallowed my card/挂失/card+gone"
        ),
        medium=(
            "phone+stolen/phone+lost/"
            "card+lost/card+stolen/card+freeze/card+block/freeze/wallet+stolen/purse+stolen"
        ),
    ),
    "fraud": Terms(
        "account_security",
        strong=(
            "被盗/盗刷/盗号/诈骗/被骗/异地登录/不是我买的/不是我下的/不是我操作/fraud/fraudulent/scam/scammed/"
            "phishing/hacked/unauthorised/unauthorized/dont recognise/do not recognise/dont recognize/"
            "do not recognize/didnt make this/did not make this/suspicious/someone used my/someone is using my/"
            "not made by me/identity theft/someone has logged/someone logged/i never made"
        ),
        medium=(
            "可疑/骗+链接/someone+my account/someone else+card/is this text+from you/is this email+from you/"
            "compromised/strange+transaction"
        ),
    ),
    "update_details": Terms(
        "account_security",
        strong=(
            "修改手机号/换手机号/改手机号/换绑/绑定手机/修改资料/改名字/注销账号/注销账户/删除账号/"
            "change my phone number/update my phone/update my email/change my email/update my address/"
            "change my address/change my name/update my details/personal details/new phone number/moved house/"
            "close my account/delete my account/closing my account/close account/delete account/"
            "close my bank account/实名/verify my identity/identity verification/verify identity/prove who i am"
        ),
        medium=(
            "手机号+换/手机号+改/update+details/moved+address/identity/verification/verify/注销/married+name/"
            "personal data/个人信息/隐私/privacy"
        ),
    ),
}
