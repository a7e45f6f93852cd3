"""Whole dialogues: what the caller says on the left, a piece of the answer on the right. Misheard lines included."""

from __future__ import annotations

import pytest

from stella.domain.acts import ChangeLanguage, EndCall, TransferTo

NOBODY = {"staffed": False}
STAFFED = {"staffed": True}

STORIES = {
    "de: eine Nachricht, von Anfang bis Ende": ("de", NOBODY, [
        ("Grüß Gott", "Was kann ich für Sie tun"),
        ("Ich möchte gern eine Nachricht hinterlassen.", "Wie ist Ihr Name"),
        ("Ja, hier ist Anna Gruber.", "Ich habe Anna Gruber verstanden"),
        ("Ja.", "Sie endet auf 6 7"),
        ("Ja, gerne.", "Worum geht es"),
        ("Meine Heizung ist ausgefallen.", "Anna Gruber, Rückruf unter der Nummer mit den letzten Ziffern 6 7. Anliegen: Meine"),
        ("Ja, passt.", "weitergegeben"),
        ("Nein danke.", "Auf Wiederhören"),
    ]),
    "en: a message from beginning to end": ("en", NOBODY, [
        ("Hi there", "How can I help"),
        ("Can I leave a message, please?", "What is your name"),
        ("My name is John Smith.", "I understood John Smith"),
        ("Yes, that's right.", "ends in 6 7"),
        ("Sure.", "What is it about"),
        ("The heating is broken.", "John Smith, call back on the number ending in 6 7. It is about: The heating is broken."),
        ("Yes please.", "passed that on"),
        ("No, that's all. Goodbye.", "Goodbye"),
    ]),
    "en: misheard all along": ("en", NOBODY, [
        ("Can I leave a massage?", "What is your name"),
        ("Smith.", "I understood Smith"),
        ("Yet.", "ends in 6 7"),
        ("Jess.", "What is it about"),
        ("it's about my in voice from october", "Shall I pass that on"),
        ("Yeah", "passed that on"),
    ]),
    "de: Name dreimal, dann buchstabiert": ("de", NOBODY, [
        ("Nachricht bitte", "Wie ist Ihr Name"),
        ("Meier", "Ich habe Meier verstanden"),
        ("Nein", "buchstabieren"),
        ("M A Y E R", "M A Y E R. Ist das richtig"),
        ("Genau", "Sie endet auf"),
    ]),
    "de: Name gleich berichtigt": ("de", NOBODY, [
        ("Nachricht bitte", "Wie ist Ihr Name"),
        ("Anna Berger", "Anna Berger"),
        ("Nein, Burger", "Anna Burger"),
        ("stimmt", "Sie endet auf"),
    ]),
    "en: the name corrected at once": ("en", NOBODY, [
        ("a message please", "What is your name"),
        ("Anna Burger", "I understood Anna Burger"),
        ("No, it's Berger", "Anna Berger"),
        ("correct", "ends in"),
    ]),
    "de: buchstabiert wie am Telefon": ("de", NOBODY, [
        ("Nachricht bitte", "Wie ist Ihr Name"),
        ("H wie Heinrich, U wie Ulrich, B wie Berta, E wie Emil, R wie Richard", "Huber"),
    ]),
    "de: andere Nummer, gesprochen": ("de", NOBODY, [
        ("Bitte um Rückruf", "Wie ist Ihr Name"),
        ("Gruber", "Gruber"),
        ("ja", "Sie endet auf"),
        ("Nein, lieber eine andere", "Unter welcher Nummer"),
        ("null sechs sechs vier zweiundvierzig doppel fünf drei", "0 6 6, 4 4 2, 5 5 3"),
        ("stimmt", "Worum geht es"),
        ("um mein Angebot", "letzten Ziffern 5 3"),
        ("ja bitte", "Rückruf weitergegeben"),
    ]),
    "de: Nummer gleich statt ja oder nein": ("de", NOBODY, [
        ("Bitte um Rückruf", "Wie ist Ihr Name"),
        ("Gruber", "Gruber"),
        ("ja", "Sie endet auf"),
        ("Nein, nehmen Sie 0664 555 12 34", "0 6 6, 4 5 5, 5 1 2, 3 4"),
    ]),
    "de: Nummer getippt": ("de", {"caller": "anonymous"}, [
        ("Bitte um Rückruf", "Wie ist Ihr Name"),
        ("Gruber", "Gruber"),
        ("ja", "Unter welcher Nummer"),
        ("#06641234", "0 6 6, 4 1 2, 3 4"),
        ("#1", "Worum geht es"),
    ]),
    "en: spoken digits": ("en", {"caller": "+266696687"}, [
        ("Please call me back", "What is your name"),
        ("Smith", "Smith"),
        ("yes", "Which number"),
        ("oh seven seven double oh nine hundred one two three", "0 7 7, 0 0 9, 0 0 1, 2 3"),
        ("yes", "What is it about"),
    ]),
    "en: a number that is never understood": ("en", {"caller": ""}, [
        ("Please call me back", "What is your name"),
        ("Smith", "Smith"),
        ("yes", "Which number"),
        ("banana", "key it in"),
        ("two", "key it in"),
        ("well I am not sure", "do without a number. What is it about"),
        ("The contract needs to be signed", "no number to call back"),
        ("yes", "call back"),
    ]),
    "de: Zusammenfassung geändert": ("de", NOBODY, [
        ("Nachricht bitte", "Name"), ("Gruber", "Gruber"), ("ja", "endet auf"), ("ja", "Worum"),
        ("Ich brauche ein Angebot", "Soll ich das so weitergeben"),
        ("nein", "Was soll ich ändern"),
        ("das Anliegen", "Was darf ich ausrichten"),
        ("Ich brauche eine Rechnung", "Anliegen: Ich brauche eine Rechnung"),
        ("genau", "weitergegeben"),
    ]),
    "de: mitten in der Nachricht etwas anderes": ("de", NOBODY, [
        ("Nachricht bitte", "Wie ist Ihr Name"),
        ("Haben Sie morgen offen?", "Morgen haben wir von neun bis siebzehn Uhr geöffnet. Gerne. Wie ist Ihr Name"),
        ("Sind Sie ein Roboter?", "künstliche Stimme"),
        ("Gruber", "Ich habe Gruber verstanden"),
        ("wie bitte?", "Ich habe Gruber verstanden"),
        ("#9", "Ich habe Gruber verstanden"),
        ("abbrechen", "ich lasse das"),
    ]),
    "de: Öffnungszeiten": ("de", NOBODY, [
        ("Haben Sie jetzt offen?", "Ja, wir haben gerade geöffnet, heute bis siebzehn Uhr"),
        ("Wann haben Sie offen?", "Montag bis Freitag von neun bis siebzehn Uhr"),
        ("und am Samstag?", "Am Samstag haben wir geschlossen"),
        ("Haben Sie am Wochenende auf?", "Am Wochenende haben wir geschlossen"),
        ("Haben Sie am Heiligen Abend offen?", "24. Dezember haben wir geschlossen"),
        ("Sind Sie am Christtag erreichbar?", "geschlossen, da ist"),
        ("Haben Sie am achten Dezember geöffnet?", "da ist Mariä Empfängnis"),
        ("Haben Sie nächsten Montag offen?", "Am Montag, dem 30. November haben wir von neun bis siebzehn Uhr geöffnet"),
        ("Wie lange haben Sie heute offen?", "siebzehn Uhr"),
        ("Haben Sie übermorgen offen?", "Am Mittwoch haben wir von neun"),
        ("Haben Sie am 6. Jänner offen?", "Heilige Drei Könige"),
        ("Haben Sie an Feiertagen offen?", "Der nächste ist"),
    ]),
    "en: opening hours": ("en", NOBODY, [
        ("Are you open right now?", "Yes, we are open right now, until five today"),
        ("What are your opening hours?", "Monday to Friday from nine to five"),
        ("What about Saturday?", "On Saturday we are closed"),
        ("Are you open on Christmas Eve?", "December 24 we are closed"),
        ("Are you open on Christmas Day?", "closed for Christmas Day"),
        ("When do you open tomorrow?", "Tomorrow we are open from nine to five"),
        ("Are you open on December 8th?", "closed for Immaculate Conception"),
        ("Are you open the day after tomorrow?", "On Wednesday we are open"),
        ("what are your opening ours", "from nine to five"),
        ("Are you open on weekends?", "On weekends we are closed"),
    ]),
    "de: Fragen": ("de", NOBODY, [
        ("Was kostet ein Erstgespräch?", "kostenlos"),
        ("Wo kann ich parken?", "Kurzparkzone"),
        ("Wie wird das Wetter morgen in Salzburg bei euch?", "Das weiß ich leider nicht. Darf ich eine Nachricht aufnehmen"),
        ("Nein", "In Ordnung"),
        ("Ich hätte gerne einen Termin.", "nehme ich gerne Ihren Namen"),
        ("Ja bitte", "Wie ist Ihr Name"),
    ]),
    "en: questions": ("en", NOBODY, [
        ("How much does a consultation cost?", "free of charge"),
        ("Where can I park?", "car park"),
        ("What is the capital of France?", "I do not know that. May I take a message"),
        ("no thanks", "All right"),
        ("I would like to make an appointment", "take your name"),
        ("yes please", "What is your name"),
    ]),
    "de: Mensch, aber niemand eingetragen": ("de", NOBODY, [
        ("Ich möchte mit einem Menschen sprechen", "Soll Sie jemand zurückrufen"),
        ("Ja", "Wie ist Ihr Name"),
    ]),
    "en: key 0 with nobody configured": ("en", NOBODY, [
        ("#0", "Shall somebody call you back"),
        ("yes", "What is your name"),
        ("John Smith", "John Smith"), ("yes", "ends in"), ("yes", "What is it about"),
        ("My contract", "Shall I pass that on"), ("yes", "asked for a call back"),
    ]),
    "de: klingt nach einem Menschen, ist aber eine Frage": ("de", STAFFED, [
        ("Kann mir jemand sagen, was das Erstgespräch kostet?", "kostenlos"),
        ("Geben Sie mir bitte Ihre Adresse", "Wien"),
        ("Kann mich jemand verbinden?", "Mit wem"),
    ]),
    "en: sounds like a person, is a question": ("en", STAFFED, [
        ("Can somebody tell me where I can park?", "car park"),
        ("When can I reach you on Friday?", "Friday we are open"),
        ("Can I talk to somebody?", "Who would you like"),
    ]),
    "en: as the embedded ears hear it": ("en", STAFFED, [
        ("I argue open right now.", "Yes, we are open right now"),
        ("Are you open unChristmassive?", "December 24 we are closed"),
        ("What time do you close to day?", "until five today"),
        ("Is this correcorded?", "not recorded as sound"),
        ("I argue a robot.", "automated voice"),
        ("Could he repeat that?", "automated voice"),
        ("Can I talk to Anne the Burger?", "Do you mean Anna Berger"),
        ("No.", "All right"),
        ("I need a crawl back.", "What is your name"),
        ("Smith S. M. I. T. H..", "I understood Smith"),
        ("Yes.", "ends in"),
        ("No.", "Which number"),
        ("Of the x641234567.", "6 4 1, 2 3 4, 5 6 7"),
        ("That's correct.", "What is it about"),
        ("My heating is broken and I need help.", "Shall I pass that on"),
        ("Yes, please.", "asked for a call back"),
        ("Clan, you good-bye", "Goodbye"),
    ]),
    "en: introduces herself first": ("en", NOBODY, [
        ("Hello, my name is Mary Miller.", "Hello, Mary Miller! How can I help"),
        ("What is the weather tomorrow?", "do not know"),
        ("yes please", "I understood Mary Miller"),
        ("yes", "ends in"),
    ]),
    "de: bitte heißt ja": ("de", NOBODY, [
        ("Wie hoch ist der Großglockner?", "Darf ich eine Nachricht aufnehmen"),
        ("bitte", "Wie ist Ihr Name"),
    ]),
    "en: an emergency in a message": ("en", NOBODY, [
        ("leave a message", "name"), ("Smith", "Smith"), ("yes", "ends in"), ("yes", "What is it about"),
        ("the fire brigade came because of your alarm", "dial 1 1 2. I cannot call for help from here. Let me sum up."),
        ("yes", "passed that on"),
    ]),
    "de: höflich und dann Schluss": ("de", NOBODY, [
        ("Danke schön", "Gerne"), ("Was können Sie?", "Öffnungszeiten"), ("Das war alles, tschüss", "Auf Wiederhören"),
    ]),
    "de: Notfall": ("de", NOBODY, [("Hilfe, ein Notfall, mein Mann hat einen Herzinfarkt", "wählen Sie 1 1 2")]),
    "en: emergency": ("en", NOBODY, [("this is an emergency I need an ambulance", "dial 1 1 2")]),
    "en: robot": ("en", NOBODY, [("Am I talking to a real person?", "not a person"), ("Are you human?", "automated voice")]),
    "de: Sprache": ("de", NOBODY, [("Deutsch bitte", "schon Deutsch")]),
    "de: unverständlich": ("de", NOBODY, [("", "nicht verstanden")]),
    "de: mit wem denn": ("de", STAFFED, [
        ("Ich möchte mit einem Mitarbeiter sprechen", "Mit wem darf ich Sie verbinden: Anna Berger oder Max Huber"),
        ("mit irgendwem", "Anna Berger oder Max Huber"),
    ]),
    "de: ein halb verstandener Name": ("de", STAFFED, [
        ("verbinden sie mich mit frau berga", "Meinen Sie Anna Berger"),
        ("ja", "Gerne, ich verbinde Sie mit Anna Berger"),
    ]),
    "en: an unknown name": ("en", STAFFED, [
        ("Can I speak to Mister Johnson?", "I do not have that name"),
        ("no, forget it", "leave that"),
    ]),
}  # fmt: skip


@pytest.mark.parametrize("title", STORIES)
async def test_the_story_goes_as_told(telephone, title):
    """Each line is answered as a good receptionist would."""
    language, setting, lines = STORIES[title]
    phone = telephone(language, **setting)
    for said, expected in lines:
        heard = await phone.say(said)
        assert expected in heard.text, f"{said!r} → {heard.text!r}, expected {expected!r}"
        phone.resume()


TRANSFERS = [
    ("de", "Verbinden Sie mich bitte mit Anna Berger", "Anna Berger"),
    ("de", "Ich möchte Frau Berger sprechen", "Anna Berger"),
    ("de", "Kann ich mit der Buchhaltung sprechen?", "Anna Berger"),
    ("de", "Ist der Herr Huber da?", "Max Huber"),
    ("de", "Frau Berger bitte", "Anna Berger"),
    ("de", "Technik", "Max Huber"),
    ("en", "Put me through to Anna Berger please", "Anna Berger"),
    ("en", "Can I speak to Mister Huber?", "Max Huber"),
    ("en", "I'd like to talk to accounting", "Anna Berger"),
    ("en", "put me true to max hubber", "Max Huber"),
    ("en", "Max Huber please", "Max Huber"),
]


@pytest.mark.parametrize(("language", "said", "name"), TRANSFERS)
async def test_a_person_is_reached_by_name(telephone, language, said, name):
    """Names, departments and what recognition makes of them."""
    heard = await telephone(language, staffed=True).say(said)
    assert heard.doings == [TransferTo(name)], heard.text
    assert heard.tools == ["transfer_to"]


@pytest.mark.parametrize(
    ("language", "said"), [("de", "auf Wiederhören"), ("de", "Tschüss"), ("en", "bye bye"), ("en", "that's all")]
)
async def test_a_goodbye_ends_the_call_after_the_farewell(telephone, language, said):
    """The farewell is said, then the line is closed."""
    heard = await telephone(language).say(said)
    assert heard.text
    assert heard.doings == [EndCall()]


@pytest.mark.parametrize(
    ("language", "said", "to"),
    [("de", "English please", "en"), ("de", "Do you speak English?", "en"), ("de", "Können wir Englisch sprechen", "en"),
     ("en", "auf Deutsch bitte", "de"), ("en", "German please", "de"), ("en", "Do you speak German?", "de")],
)  # fmt: skip
async def test_the_language_changes_when_asked(telephone, language, said, to):
    """The shell says so in the new language; the next answer is in it."""
    phone = telephone(language)
    heard = await phone.say(said)
    assert heard.doings == [ChangeLanguage(to)]
    assert (await phone.say("hallo" if to == "de" else "hello")).text.startswith("Guten" if to == "de" else "Hello")


@pytest.mark.parametrize(
    ("step", "kind"),
    [(0, "name"), (1, "yes-no"), (2, "yes-no"), (3, "number"), (4, "yes-no"), (5, "open"), (6, "yes-no")],
)
async def test_each_question_says_what_answer_it_wants(telephone, step, kind):
    """Endpointing, keys and Gather hints follow from it."""
    lines = ["Nachricht bitte", "Gruber", "ja", "nein", "0664 1234567", "ja", "mein Dach ist undicht"]
    assert (await telephone("de").talk(*lines[: step + 1])).expects == kind
