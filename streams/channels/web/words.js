// Every word on the page, in both languages.
export const WORDS = {
  en: {
    other: "中文", title: "Chat", tenant: "Company", fresh: "New chat", message: "Message", send: "Send", log: "Conversation",
    typing: "typing", hello: "How can we help?", hint: "Write a message to begin.",
    connecting: "connecting…", open: "connected", lost: "connection lost, trying again…", refused: "not available",
    none: "No company is open for chat here.", pending: "sending…", again: "Try again", notSent: "Not sent.",
    handed: "You are now talking with our team. Replies may take a little longer.", person: "team",
    up: "Helpful", down: "Not helpful", sources: "Sources", ms: "ms", s: "s",
    rungs: { cache: "instant", template: "template", knowledge: "help centre", small_model: "assistant", large_model: "assistant+", human: "our team", fallback: "fallback" },
    scenarios: { order_query: "order", logistics: "delivery", returns_exchange: "returns", payment: "payment", account_security: "account", product_question: "product", service_change: "service change", complaint: "complaint", human_handoff: "to our team", chit_chat: "small talk", out_of_scope: "off topic", other: "other" },
  },
  zh: {
    other: "English", title: "在线客服", tenant: "商家", fresh: "新会话", message: "输入消息", send: "发送", log: "对话",
    typing: "正在输入", hello: "您好，有什么可以帮您？", hint: "输入消息开始对话。",
    connecting: "连接中…", open: "已连接", lost: "连接断开，正在重连…", refused: "暂不可用",
    none: "暂无可用的在线客服。", pending: "发送中…", again: "重试", notSent: "未发送。",
    handed: "已为您转接人工客服，回复可能稍慢，请稍候。", person: "人工",
    up: "有帮助", down: "没帮助", sources: "参考", ms: "毫秒", s: "秒",
    rungs: { cache: "即时", template: "模板", knowledge: "帮助中心", small_model: "助手", large_model: "助手+", human: "人工客服", fallback: "兜底" },
    scenarios: { order_query: "订单", logistics: "物流", returns_exchange: "退换货", payment: "支付", account_security: "账户安全", product_question: "商品咨询", service_change: "服务变更", complaint: "投诉", human_handoff: "转人工", chit_chat: "闲聊", out_of_scope: "无关", other: "其他" },
  },
};
