"""Countries, regions and cities that customers name, in both languages; airports by their letters in capitals."""

from __future__ import annotations

from typing import Final

from processors.entities.lexicon import lexicon

_HAN: Final = """
中国, 香港, 澳门, 台湾, 台北, 高雄, 北京, 上海, 天津, 重庆, 河北, 山西, 辽宁, 吉林省, 黑龙江, 江苏, 浙江, 安徽, 福建,
江西, 山东, 河南, 湖北, 湖南, 广东, 海南, 四川, 贵州, 云南, 陕西, 甘肃, 青海, 内蒙古, 内蒙, 广西, 西藏, 宁夏, 新疆,
石家庄, 唐山, 秦皇岛, 邯郸, 邢台, 保定, 张家口, 承德, 沧州, 廊坊, 衡水, 太原, 大同, 阳泉, 长治, 晋城, 朔州, 晋中,
运城, 忻州, 临汾, 吕梁, 呼和浩特, 包头, 乌海, 赤峰, 通辽, 鄂尔多斯, 呼伦贝尔, 沈阳, 大连, 鞍山, 抚顺, 本溪, 丹东,
锦州, 营口, 阜新, 辽阳, 盘锦, 铁岭, 葫芦岛, 长春, 吉林, 四平, 辽源, 通化, 松原, 延边, 哈尔滨, 齐齐哈尔, 大庆, 牡丹江,
佳木斯, 绥化, 南京, 无锡, 徐州, 常州, 苏州, 南通, 连云港, 淮安, 盐城, 扬州, 镇江, 泰州, 宿迁, 昆山, 张家港, 常熟,
杭州, 宁波, 温州, 嘉兴, 湖州, 绍兴, 金华, 衢州, 舟山, 台州, 丽水, 义乌, 合肥, 芜湖, 蚌埠, 淮南, 马鞍山, 淮北, 铜陵,
安庆, 黄山, 滁州, 阜阳, 宿州, 六安, 亳州, 池州, 宣城, 福州, 厦门, 莆田, 三明, 泉州, 漳州, 南平, 龙岩, 宁德, 晋江,
南昌, 景德镇, 萍乡, 九江, 新余, 鹰潭, 赣州, 吉安, 宜春, 抚州, 上饶, 济南, 青岛, 淄博, 枣庄, 东营, 烟台, 潍坊, 济宁,
泰安, 威海, 日照, 临沂, 德州, 聊城, 滨州, 菏泽, 郑州, 开封, 洛阳, 平顶山, 安阳, 鹤壁, 新乡, 焦作, 濮阳, 许昌, 漯河,
三门峡, 南阳, 商丘, 信阳, 周口, 驻马店, 武汉, 黄石, 十堰, 宜昌, 襄阳, 鄂州, 荆门, 孝感, 荆州, 黄冈, 咸宁, 随州, 恩施,
长沙, 株洲, 湘潭, 衡阳, 邵阳, 岳阳, 常德, 张家界, 益阳, 郴州, 永州, 怀化, 娄底, 湘西, 广州, 韶关, 深圳, 珠海, 汕头,
佛山, 江门, 湛江, 茂名, 肇庆, 惠州, 梅州, 汕尾, 河源, 阳江, 清远, 东莞, 中山市, 潮州, 揭阳, 云浮, 南宁, 柳州, 桂林,
梧州, 北海, 防城港, 钦州, 贵港, 玉林, 百色, 贺州, 河池, 来宾市, 崇左, 海口, 三亚, 三沙, 儋州, 成都, 自贡, 攀枝花,
泸州, 德阳, 绵阳, 广元, 遂宁, 内江, 乐山, 南充, 眉山, 宜宾, 广安, 达州, 雅安, 巴中, 资阳, 贵阳, 六盘水, 遵义, 安顺,
毕节, 铜仁, 昆明, 曲靖, 玉溪, 保山, 昭通, 丽江, 普洱, 临沧, 大理, 西双版纳, 拉萨, 日喀则, 林芝, 西安, 铜川, 宝鸡,
咸阳, 渭南, 延安, 汉中, 榆林, 安康, 商洛, 兰州, 嘉峪关, 金昌, 白银市, 天水, 武威, 张掖, 平凉, 酒泉, 庆阳, 定西, 陇南,
西宁, 银川, 石嘴山, 吴忠, 固原, 中卫, 乌鲁木齐, 克拉玛依, 吐鲁番, 哈密, 喀什, 伊犁, 石河子, 浦东, 徐汇, 静安区,
黄浦区, 闵行, 松江, 嘉定, 虹桥, 朝阳区, 海淀, 丰台, 通州区, 昌平, 大兴区, 顺义, 天河区, 越秀, 番禺, 白云区, 福田区,
南山区, 罗湖, 宝安, 龙岗, 亦庄, 望京, 中关村, 美国, 英国, 法国, 德国, 日本, 韩国, 加拿大, 澳大利亚, 澳洲, 新西兰,
新加坡, 马来西亚, 泰国, 越南, 印度, 俄罗斯, 意大利, 西班牙, 葡萄牙, 荷兰, 瑞士, 瑞典, 挪威, 芬兰, 丹麦, 爱尔兰, 波兰,
土耳其, 阿联酋, 迪拜, 埃及, 南非, 巴西, 墨西哥, 菲律宾, 印度尼西亚, 印尼, 柬埔寨, 老挝, 缅甸, 欧洲, 亚洲, 非洲, 纽约,
洛杉矶, 旧金山, 芝加哥, 波士顿, 西雅图, 伦敦, 曼彻斯特, 巴黎, 柏林, 慕尼黑, 东京, 大阪, 京都, 首尔, 釜山, 曼谷, 悉尼,
墨尔本, 多伦多, 温哥华, 莫斯科, 罗马, 米兰, 马德里, 巴塞罗那, 阿姆斯特丹, 大陆, 港澳台
"""
_LATIN: Final = """
china, hong kong, macau, taiwan, taipei, beijing, shanghai, guangzhou, shenzhen, hangzhou, chengdu, chongqing,
tianjin, wuhan, nanjing, suzhou, xiamen, qingdao, dalian, kunming, sanya, xinjiang, tibet, united states, usa,
united kingdom, great britain, britain, england, scotland, wales, ireland, northern ireland, france, germany, spain,
portugal, italy, netherlands, holland, belgium, luxembourg, switzerland, austria, denmark, sweden, norway, finland,
iceland, poland, czech republic, czechia, hungary, romania, bulgaria, greece, croatia, serbia, slovenia, slovakia,
estonia, latvia, lithuania, ukraine, russia, japan, south korea, korea, india, pakistan, bangladesh, sri lanka,
nepal, thailand, vietnam, cambodia, laos, malaysia, singapore, indonesia, philippines, australia, new zealand,
canada, mexico, brazil, argentina, chile, peru, colombia, ecuador, bolivia, uruguay, venezuela, cuba, jamaica,
puerto rico, dominican republic, costa rica, panama, guatemala, bahamas, barbados, aruba, egypt, morocco, tunisia,
nigeria, ghana, kenya, ethiopia, tanzania, uganda, south africa, zimbabwe, israel, lebanon, saudi arabia, qatar,
kuwait, dubai, abu dhabi, uae, oman, iran, iraq, europe, africa, asia, south america, north america, london,
manchester, birmingham, liverpool, leeds, glasgow, edinburgh, cardiff, belfast, bristol, sheffield, newcastle,
nottingham, brighton, oxford, cambridge, heathrow, gatwick, dublin, cork city, galway, paris, lyon, marseille,
berlin, munich, hamburg, frankfurt, cologne, vienna, zurich, geneva, amsterdam, rotterdam, brussels, antwerp, madrid,
barcelona, seville, valencia, lisbon, porto, rome, milan, venice, naples, florence italy, athens, istanbul, moscow,
st petersburg, prague, budapest, warsaw, krakow, copenhagen, stockholm, oslo, helsinki, reykjavik, tokyo, osaka,
kyoto, seoul, busan, bangkok, phuket, hanoi, kuala lumpur, jakarta, bali, manila, mumbai, bombay, delhi, new delhi,
bangalore, bengaluru, hyderabad, chennai, kolkata, pune, kochi, goa, ahmedabad, karachi, lahore, dhaka, colombo,
kathmandu, sydney, melbourne, brisbane, perth, adelaide, auckland, wellington, toronto, vancouver, montreal, ottawa,
calgary, edmonton, winnipeg, halifax, new york, new york city, nyc, los angeles, san francisco, san diego, san jose,
san antonio, san juan, sacramento, oakland, seattle, portland, las vegas, vegas, salt lake city, denver, dallas,
fort worth, houston, austin, new orleans, chicago, milwaukee, minneapolis, detroit, cleveland, columbus, cincinnati,
indianapolis, st louis, kansas city, nashville, memphis, atlanta, miami, orlando, tampa, fort lauderdale,
jacksonville, raleigh, pittsburgh, philadelphia, philly, baltimore, washington dc, washington, boston, hartford,
providence, newark, brooklyn, manhattan, queens ny, honolulu, anchorage, albuquerque, tucson, omaha, tulsa, oklahoma,
oklahoma city, louisville, charleston, savannah, fort myers, west palm beach, palm springs, santa ana, long beach,
boise, spokane, reno, el paso, birmingham al, cancun, cabo, mexico city, nassau, montego bay, punta cana, lima,
bogota, buenos aires, sao paulo, rio de janeiro, caracas, havana, cairo, casablanca, lagos, nairobi, johannesburg,
cape town, tel aviv, doha, riyadh, beirut, tehran, alabama, alaska, arizona, arkansas, california, colorado,
connecticut, delaware, florida, hawaii, idaho, illinois, indiana, iowa, kansas, kentucky, louisiana, maryland,
massachusetts, michigan, minnesota, mississippi, missouri, montana, nebraska, nevada, new hampshire, new jersey,
new mexico, north carolina, south carolina, north dakota, south dakota, ohio, oregon, pennsylvania, rhode island,
tennessee, texas, utah, vermont, west virginia, wisconsin, wyoming
"""
_CAPITALS: Final = """
turkey, nice, reading, bath, jordan, georgia, phoenix, charlotte, buffalo, virginia, victoria, cork, florence, maine,
chad, mali, cuba, orange county, macon, cologne, perth, lima, chester, york, derby, split, atl, aus, bna,
bos, bwi, clt, cmh, cvg, dca, den, dfw, dtw, ewr, fll, iad, iah, jfk, las vegas airport, lax, lga, lhr, lgw, mco,
mdw, mia, msp, msy, ord, pdx, phl, phx, pit, rdu, sfo, sjc, slc, stl, tpa, cdg, hkg, pek, pvg, nrt, sin, yyz, uk
"""
_HIDDEN: Final = """
china mobile, china unicom, china telecom, bank of china, china eastern, china southern, air china, air canada,
boston marathon, bali ha, lima bean, turkey sandwich, turkey club, turkey breast, turkey wrap, jordan shoes 大陆路,
中国电信, 中国移动, 中国联通, 中国银行, 中国平安, 中国邮政, 中国人寿, 中国结, 上海路, 北京路, 南京路, 南京东路,
南京西路, 北京时间, 北京银行, 招商银行, 上海银行, 海南航空, 山东航空, 四川航空, 德州扒鸡, 金华火腿, 吉林大学,
云南白药, 张家界限, 资阳光, 通州际, 大理石, 大理由, 日照顾, 日照片, 日照样, 和田玉, 百色彩, 长治久, 吉安全, 南通知,
安康复, 保定金, 庆阳光, 安顺序, 新余额, 普洱茶, 大庆祝, 三明治, 东营业, 开封口, 开封后, 开封了, 开封条, 开封过,
开封的, 开封使用, 未开封, 没开封, 已开封, 拆开封, 抚顺利, 黄山路, 广安门, 宝安装, 安庆祝, 中卫生, 台州际, 丽水平,
河源头, 青海路, 玉林路, 大兴奋, 天水平, 定西装, 平凉快, 固原来, 信阳光, 德阳光, 河池塘, 内江湖, 衡水平, 北海道,
宜春节, 三亚洲, 达州际, 昌平常, 随州际, 海口味, 宁夏天, 江西瓜, 山西瓜, 广西瓜, 贵州际, 云浮动, 宁德时代
"""

PLACES: Final = lexicon("place", _HAN, _LATIN, _HIDDEN, _CAPITALS)
"""The value is the word in lower case."""
