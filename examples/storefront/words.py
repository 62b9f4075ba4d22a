"""The storefront's own words in four languages."""

from __future__ import annotations

RIGHT_TO_LEFT = frozenset({"ar", "fa"})
LANGUAGES = {"en": "English", "fr": "Français", "ar": "العربية", "fa": "فارسی"}

_WORDS: dict[str, tuple[str, str, str, str]] = {
    "shop": ("Maison Demo", "Maison Démo", "متجر ديمو", "فروشگاه دمو"),
    "who": ("Who are you?", "Qui êtes-vous\u202f?", "من أنت؟", "شما کیستید؟"),
    "stranger": ("A stranger", "Un inconnu", "زائر", "یک ناشناس"),
    "day": ("What day is it?", "Quel jour sommes-nous\u202f?", "ما تاريخ اليوم؟", "امروز چه روزی است؟"),
    "go": ("Show", "Afficher", "عرض", "نمایش"),
    "read": ("Read", "Lire", "اقرأ", "بخوانید"),
    "articles": ("Stories", "Articles", "مقالات", "نوشته‌ها"),
    "points": ("Your points", "Vos points", "نقاطك", "امتیازهای شما"),
    "tier": ("Your tier", "Votre statut", "مستواك", "سطح شما"),
    "pending": ("pending", "en attente", "قيد الانتظار", "در انتظار"),
    "gift": ("A gift for you", "Un cadeau pour vous", "هدية لك", "هدیه‌ای برای شما"),
    "claim": ("Claim it", "L’obtenir", "احصل عليها", "دریافت"),
    "claimed": ("Claimed", "Obtenu", "تم الحصول عليها", "دریافت شد"),
    "no_gift": ("No gift today.", "Pas de cadeau aujourd’hui.", "لا هدية اليوم.", "امروز هدیه‌ای نیست."),
    "rewards": ("Rewards", "Récompenses", "المكافآت", "جایزه‌ها"),
    "codes": ("Your codes", "Vos codes", "رموزك", "کدهای شما"),
    "redeem": ("Redeem", "Échanger", "استبدال", "دریافت"),
    "history": ("What happened", "Historique", "ما حدث", "رویدادها"),
    "buy": ("Buy for $50", "Acheter pour 50\u202f$", "اشترِ بـ 50 دولارًا", "خرید ۵۰ دلاری"),
    "why": ("Why do I see this?", "Pourquoi je vois ceci\u202f?", "لماذا أرى هذا؟", "چرا این را می‌بینم؟"),
    "calls": ("API calls of this page", "Appels d’API de cette page", "طلبات الواجهة لهذه الصفحة", "فراخوانی‌های این صفحه"),
    "back": ("Back", "Retour", "رجوع", "بازگشت"),
    "thanks": ("Thank you! Your order is in.", "Merci\u202f! Commande reçue.", "شكرًا! وصل طلبك.", "سپاس! سفارش شما رسید."),
    "redeemed": ("Redeemed.", "Échangé.", "تم الاستبدال.", "دریافت شد."),
    "sign_in": ("Choose who you are to see points and gifts.", "Choisissez qui vous êtes pour voir points et cadeaux.", "اختر من أنت لترى النقاط والهدايا.", "برای دیدن امتیاز و هدیه، بگویید کیستید."),
    "stored": ("Nothing stored about you was used.", "Rien de ce qui est conservé sur vous n’a servi.", "لم يُستعمل شيء مما هو محفوظ عنك.", "از دانسته‌های ذخیره‌شده دربارهٔ شما چیزی به کار نرفت."),
    "failed": ("That did not work", "Cela n’a pas fonctionné", "لم ينجح ذلك", "نشد"),
    "no_page": ("There is no such page", "Cette page n’existe pas", "لا توجد صفحة كهذه", "چنین صفحه‌ای نیست"),
    "look": ("It may have moved. Look for it on the home page.", "Elle a peut-être été déplacée. Cherchez-la sur la page d’accueil.", "ربما نُقلت. ابحث عنها في الصفحة الرئيسية.", "شاید جابه‌جا شده باشد. آن را در صفحهٔ نخست بجویید."),
    "stale": ("The form was open too long. Go back, reload the page and try again.", "Le formulaire est resté ouvert trop longtemps. Revenez en arrière, rechargez la page et réessayez.", "بقي النموذج مفتوحًا طويلًا. ارجع وأعد تحميل الصفحة ثم أعد المحاولة.", "فرم زمان زیادی باز مانده است. برگردید، صفحه را دوباره بارگذاری و دوباره تلاش کنید."),
    "again": ("Try again in a moment.", "Réessayez dans un instant.", "أعد المحاولة بعد قليل.", "اندکی بعد دوباره تلاش کنید."),
    "home": ("To the home page", "Vers l’accueil", "إلى الصفحة الرئيسية", "به صفحهٔ نخست"),
    "cost": ("points", "points", "نقطة", "امتیاز"),
}  # fmt: skip


_GROUPS = {"fr": "\u202f", "fa": "٬"}
_DIGITS = {"fa": str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹")}


def number(value: int, locale: str, *, signed: bool = False) -> str:
    """A whole number as readers of the language write it."""
    text = f"{value:+,}" if signed else f"{value:,}"
    return text.replace(",", _GROUPS.get(locale, ",")).translate(_DIGITS.get(locale, {}))


def words(locale: str) -> dict[str, str]:
    """All words in one language; English where it has none."""
    column = list(LANGUAGES).index(locale) if locale in LANGUAGES else 0
    return {name: texts[column] for name, texts in _WORDS.items()}
