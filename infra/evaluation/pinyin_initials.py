"""Words of customer service as people shorten them: by the initials of their pinyin."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

INITIALS: Final[Mapping[str, str]] = {
    "快递": "kd", "退款": "tk", "退货": "th", "换货": "hh", "发票": "fp", "客服": "kf", "订单": "dd",
    "物流": "wl", "地址": "dz", "付款": "fk", "支付": "zf", "支付宝": "zfb", "微信": "wx", "淘宝": "tb",
    "京东": "jd", "天猫": "tm", "拼多多": "pdd", "美团": "mt", "发货": "fh", "收货": "sh", "签收": "qs",
    "取消": "qx", "运费": "yf", "优惠券": "yhq", "优惠": "yh", "红包": "hb", "会员": "hy", "账号": "zh",
    "密码": "mm", "验证码": "yzm", "手机": "sj", "电话": "dh", "人工": "rg", "投诉": "ts", "差评": "cp",
    "好评": "hp", "质量": "zl", "尺码": "cm", "颜色": "ys", "价格": "jg", "便宜": "py", "库存": "kc",
    "有货": "yh", "缺货": "qh", "预售": "ys", "保修": "bx", "维修": "wx", "安装": "az", "售后": "sh",
    "售前": "sq", "卖家": "mj", "买家": "mj", "商家": "sj", "店铺": "dp", "商品": "sp", "包裹": "bg",
    "外卖": "wm", "骑手": "qs", "配送": "ps", "催单": "cd", "补发": "bf", "赔偿": "pc", "差价": "cj",
    "保价": "bj", "余额": "ye", "银行卡": "yhk", "信用卡": "xyk", "花呗": "hb", "白条": "bt", "分期": "fq",
    "充值": "cz", "提现": "tx", "登录": "dl", "注册": "zc", "注销": "zx", "实名": "sm", "谢谢": "xx",
    "你好": "nh", "在吗": "zm", "什么时候": "sms", "怎么": "zm", "为什么": "wsm", "多少钱": "dsq", "不知道": "bzd",
    "垃圾": "lj", "骗子": "pz", "真的": "zd", "可以": "ky", "没有": "my", "查询": "cx", "修改": "xg",
    "申请": "sq", "处理": "cl", "联系": "lx", "服务": "fw", "态度": "td",
}  # fmt: skip
"""Initials by word. The longest word that fits is taken."""
