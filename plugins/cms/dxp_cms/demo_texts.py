"""The demo's texts."""

from __future__ import annotations

from typing import Any

BANNERS: dict[str, dict[str, Any]] = {
    "welcome": {
        "shared": {"tone": "plain"},
        "locales": {
            "en": {
                "headline": "Small things, made slowly",
                "message": "Pottery, paper and tea from six workshops. Look around.",
            },
            "fr": {
                "headline": "De petites choses, faites lentement",
                "message": "Poterie, papier et thé de six ateliers. Faites un tour.",
            },
            "ar": {
                "headline": "أشياء صغيرة، صُنعت على مهل",
                "message": "فخّار وورق وشاي من ست ورش. تفضّل بالتجوّل.",
            },
            "fa": {
                "headline": "چیزهای کوچک، ساخته با حوصله",
                "message": "سفال، کاغذ و چای از شش کارگاه. نگاهی بیندازید.",
            },
        },
    },
    "member-week": {
        "shared": {"tone": "festive"},
        "locales": {
            "en": {
                "headline": "Your points are worth a cup this week",
                "message": "You have enough for a reward. Choose one below.",
            },
            "fr": {
                "headline": "Vos points valent une tasse cette semaine",
                "message": "Vous en avez assez pour une récompense. Choisissez ci-dessous.",
            },
            "ar": {
                "headline": "نقاطك تساوي فنجانًا هذا الأسبوع",
                "message": "لديك ما يكفي لمكافأة. اختر واحدة أدناه.",
            },
            "fa": {
                "headline": "امتیازتان این هفته به اندازهٔ یک فنجان است",
                "message": "امتیاز کافی برای یک پاداش دارید. یکی را پایین برگزینید.",
            },
        },
    },
    "birthday-gift": {
        "shared": {"tone": "festive"},
        "locales": {
            "en": {
                "headline": "Happy birthday! A gift is waiting",
                "message": "We wrapped some points for you. Claim them while they last.",
            },
            "fr": {
                "headline": "Joyeux anniversaire ! Un cadeau vous attend",
                "message": "Nous avons emballé quelques points. Prenez-les à temps.",
            },
            "ar": {
                "headline": "عيد ميلاد سعيد! هدية بانتظارك",
                "message": "غلّفنا لك بعض النقاط. احصل عليها قبل أن تنتهي.",
            },
            "fa": {
                "headline": "تولدتان مبارک! هدیه‌ای در انتظار شماست",
                "message": "چند امتیاز برایتان کادو کرده‌ایم. تا دیر نشده دریافتش کنید.",
            },
        },
    },
}

ARTICLES: dict[str, dict[str, Any]] = {
    "a-morning-at-the-kiln": {
        "shared": {"category": "story", "author": "Eden Editor", "reading_minutes": 3},
        "locales": {
            "en": {
                "title": "A morning at the kiln",
                "summary": "What happens before a cup is a cup.",
                "body": [
                    "The fire is lit at four. By six the bricks are warm enough to lean against.",
                    "Nobody opens the door before noon, however much they want to.",
                ],
            },
            "fr": {
                "title": "Un matin près du four",
                "summary": "Ce qui se passe avant qu’une tasse soit une tasse.",
                "body": [
                    "On allume le feu à quatre heures. À six, les briques sont tièdes.",
                    "Personne n’ouvre la porte avant midi, quelle que soit l’envie.",
                ],
            },
            "ar": {
                "title": "صباح عند الفرن",
                "summary": "ما يحدث قبل أن يصير الفنجان فنجانًا.",
                "body": [
                    "تُشعل النار في الرابعة. وعند السادسة يدفأ الطوب.",
                    "لا أحد يفتح الباب قبل الظهر مهما اشتاق.",
                ],
            },
            "fa": {
                "title": "صبحی کنار کوره",
                "summary": "پیش از آن‌که فنجان، فنجان شود.",
                "body": [
                    "ساعت چهار آتش را روشن می‌کنند. ساعت شش آجرها گرم شده‌اند.",
                    "هیچ‌کس پیش از ظهر در را باز نمی‌کند، هر قدر هم دلش بخواهد.",
                ],
            },
        },
    },
    "how-to-brew-a-green-tea": {
        "shared": {"category": "guide", "author": "Eden Editor", "reading_minutes": 2},
        "locales": {
            "en": {
                "title": "How to brew a green tea",
                "summary": "Cooler water than you think, and less time.",
                "body": [
                    "Let boiling water stand for five minutes; it is then near seventy degrees.",
                    "Pour, count to sixty, and pour again. The second cup is the better one.",
                ],
            },
            "fr": {
                "title": "Comment préparer un thé vert",
                "summary": "Une eau moins chaude qu’on ne croit, et moins longtemps.",
                "body": [
                    "Laissez reposer l’eau bouillante cinq minutes : soixante-dix degrés.",
                    "Versez, comptez jusqu’à soixante. La seconde tasse est meilleure.",
                ],
            },
            "ar": {
                "title": "كيف تُعدّ شايًا أخضر",
                "summary": "ماء أبرد مما تظن، ووقت أقل.",
                "body": [
                    "اترك الماء المغلي خمس دقائق فيصير قرب السبعين درجة.",
                    "صبّ وعدّ إلى الستين ثم صبّ ثانية. الفنجان الثاني هو الأطيب.",
                ],
            },
            "fa": {
                "title": "چای سبز را چگونه دم کنیم",
                "summary": "آبی خنک‌تر از آنچه گمان می‌کنید، و زمانی کمتر.",
                "body": [
                    "بگذارید آب جوش پنج دقیقه بماند؛ نزدیک هفتاد درجه می‌شود.",
                    "بریزید، تا شصت بشمارید و دوباره بریزید. فنجان دوم بهتر است.",
                ],
            },
        },
    },
    "points-explained": {
        "shared": {"category": "news", "author": "Avery Admin", "reading_minutes": 1},
        "locales": {
            "en": {
                "title": "Your points, explained",
                "summary": "How they come, what they buy, and why they never vanish quietly.",
                "body": [
                    "Every order brings points. Your page says which rule gave them, and when.",
                    "On your birthday there is a gift, if you told us the day and agreed to it.",
                ],
            },
            "fr": {
                "title": "Vos points, expliqués",
                "summary": "D’où ils viennent, ce qu’ils valent, et pourquoi rien ne se perd.",
                "body": [
                    "Chaque commande rapporte des points. Votre page dit par quelle règle.",
                    "À votre anniversaire, un cadeau, si vous nous avez confié la date.",
                ],
            },
            "ar": {
                "title": "نقاطك، بالشرح",
                "summary": "من أين تأتي، وماذا تشتري، ولماذا لا تختفي خلسة.",
                "body": [
                    "كل طلب يأتي بنقاط. وصفحتك تقول أي قاعدة منحتها ومتى.",
                    "وفي عيد ميلادك هدية، إن أخبرتنا بالتاريخ ووافقت.",
                ],
            },
            "fa": {
                "title": "امتیازهای شما، به زبان ساده",
                "summary": "از کجا می‌آیند، به چه می‌ارزند و چرا بی‌صدا ناپدید نمی‌شوند.",
                "body": [
                    "هر سفارش امتیاز می‌آورد. صفحهٔ شما می‌گوید کدام قاعده و چه وقت.",
                    "روز تولدتان هدیه‌ای هست، اگر تاریخش را گفته و پذیرفته باشید.",
                ],
            },
        },
    },
}
