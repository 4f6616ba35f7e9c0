"""What can go wrong with shifts, routes and visits, said so that a carer or planner knows what to do."""

from collections.abc import Mapping
from typing import ClassVar

from kernel.errors import DomainError, ErrorKind, ErrorText


class SchedulingError(DomainError):
    """Errors of shifts, routes and visits."""

    texts: ClassVar[Mapping[str, ErrorText]] = {
        "no_shift_today": ErrorText(
            ErrorKind.NOT_FOUND,
            "Du har ingen vagt i dag. Ring til planlæggeren, hvis det er en fejl.",
            "You have no shift today. Call the planner if this is a mistake.",
        ),
        "shift_already_begun": ErrorText(
            ErrorKind.CONFLICT,
            "Vagten er allerede startet kl. {clock}. Er det en anden tablet, så afslut vagten dér først.",
            "The shift already began at {clock}. If that was on another tablet, end the shift there first.",
        ),
        "shift_not_begun": ErrorText(
            ErrorKind.CONFLICT,
            "Start vagten først.",
            "Start the shift first.",
        ),
        "shift_ended": ErrorText(
            ErrorKind.CONFLICT,
            "Vagten er afsluttet. Ring til planlæggeren, hvis du skal i gang igen.",
            "The shift has ended. Call the planner if you need to start again.",
        ),
        "open_visits": ErrorText(
            ErrorKind.CONFLICT,
            "Afslut besøget hos {citizen}, før du afslutter vagten.",
            "End the visit at {citizen} before you end the shift.",
        ),
        "not_your_visit": ErrorText(
            ErrorKind.FORBIDDEN,
            "Besøget er ikke på din rute. Se ruten igen, eller ring til planlæggeren.",
            "The visit is not on your route. Look at the route again or call the planner.",
        ),
        "another_visit_open": ErrorText(
            ErrorKind.CONFLICT,
            "Afslut besøget hos {citizen}, før du starter det næste.",
            "End the visit at {citizen} before you start the next one.",
        ),
        "visit_ended": ErrorText(
            ErrorKind.CONFLICT,
            "Besøget er allerede afsluttet kl. {clock}.",
            "The visit already ended at {clock}.",
        ),
        "visit_not_begun": ErrorText(
            ErrorKind.CONFLICT,
            "Start besøget, før du afslutter det.",
            "Start the visit before you end it.",
        ),
        "consent_not_given": ErrorText(
            ErrorKind.CONFLICT,
            "Der er intet samtykke at trække tilbage. Se listen igen.",
            "There is no consent to withdraw. Look at the list again.",
        ),
        "consent_not_asked": ErrorText(
            ErrorKind.CONFLICT,
            "Det samtykke har du ikke givet før. Ring til hjemmeplejen, så taler vi om det.",
            "You have not given that consent before. Call the home care and we will talk about it.",
        ),
        "key_reported_lost": ErrorText(
            ErrorKind.CONFLICT,
            "Nøglen på denne tablet er meldt tabt. Genindlæs siden, og start vagten igen.",
            "The key on this tablet was reported lost. Reload the page and start the shift again.",
        ),
        "visit_begun": ErrorText(
            ErrorKind.CONFLICT,
            "Besøget er i gang og kan ikke flyttes.",
            "The visit has begun and cannot be moved.",
        ),
        "implausible_time": ErrorText(
            ErrorKind.INVALID,
            "Tidspunktet {found} kan ikke passe. Det skal ligge mellem {earliest} og {latest}.",
            "The time {found} cannot be right. It has to lie between {earliest} and {latest}.",
        ),
        "route_stale": ErrorText(
            ErrorKind.STALE,
            "Ruten er ændret af en anden. Intet er gemt.",
            "The route was changed by somebody else. Nothing was saved.",
        ),
        "versions_missing": ErrorText(
            ErrorKind.INVALID,
            "Send versionen af begge ruter med (If-Match). Der mangler: {missing}.",
            "Send the version of both routes (If-Match). Missing: {missing}.",
        ),
        "move_breaks_rule": ErrorText(
            ErrorKind.INVALID,
            "Besøget kan ikke flyttes dertil: {rule}.",
            "The visit cannot be moved there: {rule}.",
        ),
        "reason_missing": ErrorText(
            ErrorKind.INVALID,
            "Skriv en årsag. Tabletten skal kunne fortælle, hvorfor ruten er ændret.",
            "Give a reason. The tablet has to be able to say why the route changed.",
        ),
        "day_exists": ErrorText(
            ErrorKind.CONFLICT,
            "Der findes allerede en dag {day} for de enheder. Intet er indlæst.",
            "There already is a day {day} for these units. Nothing was imported.",
        ),
        "already_left": ErrorText(
            ErrorKind.CONFLICT,
            "Medarbejderen er allerede stoppet. Du skal ikke gøre mere.",
            "The carer has left already. There is nothing more to do.",
        ),
        "last_day_over": ErrorText(
            ErrorKind.INVALID,
            "Den sidste dag er forbi. Vælg i dag eller senere, eller stop adgangen med det samme.",
            "The last day is over. Choose today or later, or end the access at once.",
        ),
        "citizen_already_away": ErrorText(
            ErrorKind.CONFLICT,
            "Borgeren er allerede meldt væk. Meld hjemme først, hvis tiden er en anden.",
            "The citizen is reported away already. Report her home first if the time is another one.",
        ),
        "citizen_not_away": ErrorText(
            ErrorKind.CONFLICT,
            "Borgeren er ikke meldt væk. Du skal ikke gøre mere.",
            "The citizen is not reported away. There is nothing more to do.",
        ),
        "absence_ends_first": ErrorText(
            ErrorKind.INVALID,
            "Fraværet slutter, før det begynder. Ret tidspunkterne.",
            "The absence ends before it begins. Correct the times.",
        ),
        "already_absent": ErrorText(
            ErrorKind.CONFLICT,
            "Medarbejderen er allerede meldt fraværende den dag.",
            "The carer is already reported absent that day.",
        ),
        "no_visits_to_plan": ErrorText(
            ErrorKind.NOT_FOUND,
            "Der er ingen besøg at planlægge den {day} i den enhed.",
            "There are no visits to plan on {day} in that unit.",
        ),
        "plan_overtaken": ErrorText(
            ErrorKind.STALE,
            "Ruterne blev ændret, mens planen blev lavet. Planen er ikke lagt på. Lav den igen.",
            "The routes changed while the plan was being made. It was not applied. Make it again.",
        ),
        "district_failed": ErrorText(
            ErrorKind.CONFLICT,
            "En bydel kunne ikke planlægges, så planen er ikke lagt på. Ruterne er som før. Lav planen igen, "
            "og kontakt drift, hvis det sker igen.",
            "A district could not be planned, so the plan was not applied. The routes are as before. Make the plan "
            "again, and ask operations if it happens again.",
        ),
        "nothing_to_move": ErrorText(
            ErrorKind.CONFLICT,
            "Der er ingen besøg tilbage på ruten. Du skal ikke gøre mere.",
            "There are no visits left on the route. There is nothing more to do.",
        ),
        "visit_not_on_route": ErrorText(
            ErrorKind.CONFLICT,
            "Besøget er ikke på nogen rute endnu. Fordel det først.",
            "The visit is on no route yet. Allocate it first.",
        ),
        "no_citizen_there": ErrorText(
            ErrorKind.NOT_FOUND,
            "Borgeren er ikke på listen den dag. Søg på nummeret igen, eller opret besøget i grundplanen.",
            "The citizen is not on that day's list. Look up the number again or add the visit to the pattern.",
        ),
        "screen_not_possible": ErrorText(
            ErrorKind.CONFLICT,
            "Besøget kan ikke holdes på skærm. Se, hvad der mangler: {missing}.",
            "The visit cannot be made by screen. See what is missing: {missing}.",
        ),
        "choice_incomplete": ErrorText(
            ErrorKind.INVALID,
            "Forslaget passer ikke til dagen: et besøg eller en medarbejder er ukendt eller nævnt to gange. "
            "Intet er gemt. Hent forslagene igen.",
            "The proposal does not fit the day: a visit or carer is unknown or named twice. Nothing was saved. "
            "Ask for proposals again.",
        ),
        "act_unknown": ErrorText(
            ErrorKind.NOT_FOUND,
            "Ændringen findes ikke mere. Se tavlen igen.",
            "That change is not there any more. Look at the board again.",
        ),
        "act_undone": ErrorText(
            ErrorKind.CONFLICT,
            "Ændringen er allerede fortrudt. Du skal ikke gøre mere.",
            "That change has been undone already. There is nothing more to do.",
        ),
        "act_overtaken": ErrorText(
            ErrorKind.STALE,
            "Ændringen kan ikke fortrydes: en rute er ændret, eller et besøg er begyndt siden. Intet er gemt. "
            "Flyt besøgene enkeltvis.",
            "The change cannot be undone: a route has changed or a visit has begun since. Nothing was saved. "
            "Move the visits one by one.",
        ),
        "offer_over": ErrorText(
            ErrorKind.CONFLICT,
            "Besøget er taget af en anden eller trukket tilbage. Du skal ikke gøre mere.",
            "The visit was taken by somebody else or withdrawn. There is nothing more to do.",
        ),
        "offer_open": ErrorText(
            ErrorKind.CONFLICT,
            "Besøget er allerede tilbudt. Træk tilbuddet tilbage først.",
            "The visit is on offer already. Withdraw the offer first.",
        ),
        "offer_to_nobody": ErrorText(
            ErrorKind.INVALID,
            "Ingen af dem kan tage besøget. Vælg blandt forslagene.",
            "None of them can take the visit. Choose among the proposals.",
        ),
    }
