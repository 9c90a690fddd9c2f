"""Common goods and services that customers name, in both languages."""

from __future__ import annotations

from typing import Final

from processors.entities.lexicon import lexicon

_HAN: Final = """
手机, 智能手机, 老人机, 手机壳, 手机膜, 钢化膜, 充电器, 充电宝, 充电线, 充电头, 数据线, 移动电源, 耳机, 蓝牙耳机,
耳麦, 音箱, 音响, 蓝牙音箱, 麦克风, 平板, 平板电脑, 电脑, 笔记本电脑, 笔记本, 台式机, 显示器, 显卡, 主板, 内存条,
硬盘, 固态硬盘, 移动硬盘, 键盘, 鼠标, 鼠标垫, 路由器, 网线, 摄像头, 打印机, 墨盒, 硒鼓, 扫描仪, 投影仪, 投影机, 优盘,
内存卡, 读卡器, 相机, 单反, 镜头, 三脚架, 无人机, 游戏机, 手柄, 智能手表, 手环, 智能音箱, 学习机, 点读机, 电子书,
词典笔, 对讲机, 行车记录仪, 导航仪, 电视, 电视机, 冰箱, 冰柜, 洗衣机, 烘干机, 空调, 热水器, 油烟机, 抽油烟机, 燃气灶,
消毒柜, 洗碗机, 微波炉, 烤箱, 电饭煲, 电饭锅, 电磁炉, 电压力锅, 高压锅, 豆浆机, 榨汁机, 破壁机, 料理机, 面包机,
咖啡机, 电水壶, 热水壶, 电热水壶, 饮水机, 净水器, 净水机, 空气净化器, 加湿器, 除湿机, 电风扇, 风扇, 取暖器, 电暖器,
电热毯, 吸尘器, 扫地机, 扫地机器人, 拖地机, 挂烫机, 电熨斗, 吹风机, 剃须刀, 电动牙刷, 美容仪, 按摩椅, 按摩仪, 体重秤,
体脂秤, 血压计, 血糖仪, 体温计, 空气炸锅, 养生壶, 酸奶机, 浴霸, 换气扇, 衣服, 上衣, 外套, 大衣, 羽绒服, 棉服, 棉衣,
风衣, 夹克, 西装, 衬衫, 衬衣, 卫衣, 毛衣, 针织衫, 恤衫, 短袖, 背心, 马甲, 裤子, 牛仔裤, 休闲裤, 运动裤, 短裤, 打底裤,
裙子, 连衣裙, 半身裙, 旗袍, 睡衣, 家居服, 内衣, 文胸, 内裤, 袜子, 丝袜, 秋衣, 秋裤, 保暖内衣, 泳衣, 童装, 婴儿服,
校服, 雨衣, 帽子, 围巾, 手套, 领带, 皮带, 腰带, 鞋子, 运动鞋, 跑鞋, 篮球鞋, 皮鞋, 高跟鞋, 凉鞋, 拖鞋, 靴子, 雪地靴,
帆布鞋, 板鞋, 童鞋, 书包, 背包, 双肩包, 单肩包, 斜挎包, 钱包, 手提包, 手提袋, 行李箱, 拉杆箱, 旅行箱, 雨伞, 太阳镜,
墨镜, 眼镜, 手表, 项链, 手链, 戒指, 耳环, 耳钉, 手镯, 吊坠, 发卡, 床单, 被套, 被子, 棉被, 蚕丝被, 枕头, 枕套, 枕芯,
床垫, 凉席, 蚊帐, 毛毯, 地毯, 地垫, 窗帘, 毛巾, 浴巾, 沙发, 沙发套, 桌布, 床, 书桌, 电脑桌, 餐桌, 茶几, 椅子, 电脑椅,
办公椅, 凳子, 衣柜, 书柜, 鞋柜, 鞋架, 书架, 衣架, 晾衣架, 收纳箱, 收纳盒, 置物架, 垃圾桶, 垃圾袋, 台灯, 吊灯, 吸顶灯,
灯泡, 灯笼, 纸灯笼, 蜡烛, 香薰, 花瓶, 挂钟, 闹钟, 镜子, 相框, 插座, 插排, 插线板, 门锁, 智能锁, 马桶, 马桶盖, 水龙头,
花洒, 淋浴房, 锅, 炒锅, 汤锅, 平底锅, 不粘锅, 蒸锅, 菜刀, 刀具, 砧板, 案板, 碗筷, 餐具, 盘子, 杯子, 水杯, 保温杯,
保温壶, 茶壶, 茶杯, 茶具, 玻璃杯, 马克杯, 饭盒, 保鲜盒, 保鲜膜, 筷子, 勺子, 水壶, 洗发水, 护发素, 沐浴露, 香皂, 肥皂,
洗手液, 洗面奶, 面膜, 面霜, 乳液, 爽肤水, 精华液, 眼霜, 防晒霜, 口红, 唇膏, 粉底液, 气垫, 眉笔, 眼影, 香水, 护手霜,
身体乳, 卸妆水, 化妆品, 护肤品, 牙膏, 牙刷, 漱口水, 卫生巾, 纸巾, 卫生纸, 抽纸, 湿巾, 洗衣液, 洗衣粉, 洗洁精, 消毒液,
尿不湿, 纸尿裤, 奶瓶, 奶粉, 婴儿车, 安全座椅, 玩具, 积木, 拼图, 洋娃娃, 毛绒玩具, 童车, 滑板车, 大米, 面粉, 食用油,
花生油, 橄榄油, 酱油, 牛奶, 酸奶, 奶酪, 鸡蛋, 面包, 蛋糕, 月饼, 饼干, 巧克力, 糖果, 零食, 坚果, 瓜子, 薯片, 方便面,
火腿肠, 牛肉干, 茶叶, 绿茶, 红茶, 普洱茶, 咖啡豆, 速溶咖啡, 咖啡, 饮料, 矿泉水, 果汁, 可乐, 啤酒, 白酒, 红酒, 葡萄酒,
茅台, 五粮液, 苹果, 橙子, 香蕉, 葡萄, 芒果, 樱桃, 车厘子, 榴莲, 西瓜, 草莓, 柠檬, 大闸蟹, 海鲜, 牛排, 燕窝, 蜂蜜,
保健品, 维生素, 钙片, 鱼油, 蛋白粉, 口罩, 图书, 教材, 字典, 杂志, 本子, 文具, 钢笔, 圆珠笔, 铅笔, 打印纸, 计算器,
跑步机, 哑铃, 瑜伽垫, 自行车, 电动车, 平衡车, 帐篷, 睡袋, 登山鞋, 鱼竿, 篮球, 足球, 羽毛球拍, 乒乓球拍, 泳镜, 滑雪板,
吉他, 钢琴, 电子琴, 轮胎, 机油, 车载充电器, 坐垫, 脚垫, 雨刷, 猫粮, 狗粮, 猫砂, 宠物零食, 鱼缸, 鲜花, 盆栽, 红包,
礼品卡, 购物卡, 京东卡, 充值卡, 话费, 流量包, 电话卡, 手机卡, 游戏点卡, 会员卡, 优惠券, 机票, 火车票, 高铁票, 电影票,
信用卡, 借记卡, 储蓄卡, 房贷, 车贷, 理财产品, 基金, 保险, 车险, 医保, 宽带, 外卖, 披萨, 汉堡, 炸鸡, 奶茶, 火锅, 盒饭,
米饭, 面条, 饺子, 小米手机, 华为手机, 苹果手机, 苹果手机壳, 空调扇, 电热锅, 剪刀, 螺丝刀, 电钻, 工具箱, iphone, ipad,
macbook, airpods, kindle, switch游戏机, u盘, t恤, pos机, mp3
"""
_LATIN: Final = """
phone, smartphone, mobile phone, cell phone, phone case, screen protector, charger, power bank, charging cable,
usb cable, cable, adapter, headphone, earphone, earbud, headset, speaker, bluetooth speaker, smart speaker, soundbar,
microphone, tablet, e-reader, laptop, computer, desktop computer, notebook, monitor, graphics card, motherboard,
hard drive, ssd, usb stick, memory card, keyboard, mechanical keyboard, mouse, gaming mouse, wireless mouse, router,
modem, webcam, printer, ink cartridge, toner, scanner, projector, camera, digital camera, action camera, lens,
tripod, drone, game console, console, controller, video game, smart watch, smartwatch, fitness tracker, wristwatch,
dash cam, gps, iphone, ipad, macbook, airpods, kindle, chromebook, xbox, playstation, tv, television, fridge,
refrigerator, freezer, washing machine, washer, dryer, tumble dryer, air conditioner, water heater, dishwasher,
microwave, oven, toaster, rice cooker, pressure cooker, slow cooker, blender, juicer, food processor, mixer,
coffee machine, coffee maker, espresso machine, kettle, electric kettle, water filter, air purifier, humidifier,
dehumidifier, fan, heater, electric blanket, vacuum, vacuum cleaner, robot vacuum, iron, steamer, hair dryer,
hairdryer, straightener, shaver, razor, electric toothbrush, toothbrush, scale, bathroom scale, thermostat,
smart thermostat, air fryer, massage chair, thermometer, shirt, t-shirt, tshirt, tee, polo shirt, blouse, sweater,
jumper, cardigan, hoodie, sweatshirt, jacket, coat, raincoat, parka, blazer, suit, vest, trousers, jeans, shorts,
leggings, skirt, dress, gown, pajamas, pyjamas, underwear, bra, socks, sock, tights, swimsuit, bikini, hat, cap,
beanie, scarf, glove, tie, belt, shoe, sneaker, trainer, running shoe, hiking boot, boot, sandal, slipper, heels,
backpack, handbag, purse, wallet, suitcase, luggage set, briefcase, tote bag, duffel bag, umbrella, sunglasses,
glasses, watch, necklace, bracelet, ring, earring, pendant, bed sheet, sheet set, duvet, comforter, blanket, pillow,
pillowcase, mattress, towel, rug, carpet, curtain, sofa, couch, armchair, chair, office chair, desk, table,
dining table, coffee table, bookshelf, shelf, wardrobe, dresser, cabinet, stool, bed frame, lamp, desk lamp,
floor lamp, light bulb, lantern, candle, scented candle, diffuser, vase, clock, alarm clock, wall clock, mirror,
picture frame, bin, trash can, extension cord, door lock, smart lock, doorbell, tap, shower head, toilet seat, pan,
frying pan, saucepan, pot, wok, knife, chopping board, cutting board, plate, bowl, cup, mug, glass, water bottle,
bottle, thermos, teapot, tea set, teacup, tea cup, lunch box, cutlery, spoon, fork, cookware, shampoo, conditioner,
soap, hand soap, body wash, lotion, moisturizer, sunscreen, face mask, lipstick, mascara, foundation, perfume,
deodorant, toothpaste, makeup, nappy, diaper, baby bottle, baby formula, stroller, pram, car seat, toy, doll, puzzle,
jigsaw puzzle, lego set, board game, scooter, skateboard, bread, cake, cookie, biscuit, chocolate, tea, green tea,
coffee, coffee bean, wine, beer, whisky, cheese, milk, snack, vitamin, supplement, protein powder, pizza, burger,
cheeseburger, hamburger, fries, french fries, chicken nugget, chicken wing, fried chicken, sandwich, salad, soda,
coke, pepsi, sprite, milkshake, ice cream, coleslaw, pepperoni pizza, taco, burrito, wrap, sushi, book, textbook,
novel, magazine, dvd, vinyl record, pen, pencil, notebook paper, stapler, calculator, treadmill, dumbbell, yoga mat,
bike, bicycle, electric bike, tent, sleeping bag, fishing rod, basketball, football, soccer ball, tennis racket,
golf club, guitar, piano, ukulele, tyre, tire, car battery, dog food, cat food, cat litter, fish tank, flower,
bouquet, plant, gift card, gift voucher, greeting card, debit card, credit card, sim card, savings account,
checking account, current account, mortgage, personal loan, car loan, car insurance, home insurance,
travel insurance, life insurance, health insurance, broadband, data plan, screwdriver, drill, toolbox, hammer, paint,
garden hose, patio umbrella, grill, lawn mower, hammock, cooler, suit case, jigsaw, indoor security camera
"""
_HIDDEN: Final = """
desk number, desk clerk,
book, phone lines, phone rep, phone reps, phone agents, phone fee, phone system, phone help, answer phone,
answers phone, answer phones, phone number, phone numbers, phone call, phone calls, on the phone, by phone, phone no,
phone line, over the phone, via phone, phone support, phone app, phone agent, through phone, table of, on the table,
tie up, fan of, watch out, watch the, watch it, to watch, iron out, ring me, ring you, ring back, plant to,
cup of tea, scale of, scale up, paint me, wrap up, fork out, drill down, pen down, plate number, glass of,
notebook lm, suit you, suits you, suit me, suits me, cap on, trainer up, pot of, dress code, light up, dvd of,
cable tv, mirror image, desk agent, help desk, front desk, ticket desk, service desk, table for,
current account number, console me, chair person, ring in, book at, flower st, milk it, bin number, watch tv,
watch movies, watch your, pan card, pan number, shelf life, cookie policy, cookies policy, soap opera, bottle neck,
press fork, pool table, fans of, big fan, huge fan, a fan, fan since, loyal fan, boot up, boots up, reboot, suit,
suits, scale, glasses half, vest interest, mixer up, rings, ring, cap, caps, tap, taps, tee, clock, taps on, tie,
ties, washer fluid, bin, bins, foundation, plate, coffee shop, coffee shops, coffee break, cake walk, bikes lane,
controller at, air controller, iron, irons, console, pan, pot, vacuum of, 手机号, 手机号码, 手机端, 手机版, 手机尾号,
手机验证, 手机短信, 手机下单, 手机客户端, 手机号吗, 手机上, 手机里, 电脑端, 电脑版, 电脑上, 苹果版, 苹果端, 电话卡顿,
床上, 床头, 锅底, 电视台, 电视剧, 电视上, 衣服务, 红包退, 苹果系统, 苹果公司, 咖啡厅, 咖啡馆, 基金会, 保险公司,
保险起见, 篮球场, 足球场, 手表示, 礼品卡券, 图书馆, 外卖员, 外卖小哥, 饮料店, 火锅店, 面条件, 面包车, 面包店, 蛋糕店,
图书城, 啤酒节, 眼镜店, 书包邮, 书包装, 水杯子
"""

GOODS: Final = lexicon("product", _HAN, _LATIN, _HIDDEN, plurals=True)
"""The value is the word, in English in the singular."""
