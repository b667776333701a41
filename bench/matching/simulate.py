#!/usr/bin/env python3
"""Seeded simulator of appointment businesses with ground truth (our own making, stdlib only).

usage: simulate.py SEED N_BOOKINGS OUTDIR
writes touchpoints.jsonl, bookings.jsonl, truth.jsonl (docs/matching.md), and owners.jsonl: whose each touchpoint is, to learn from.
All people, names, numbers and addresses are invented; e-mail domains are altered on purpose.
"""
import hashlib, json, os, random, sys, unicodedata

SEC, MIN, HOUR, DAY = 1000, 60_000, 3_600_000, 86_400_000
T0 = 1_772_323_200_000                            # 2026-03-01T00:00:00Z
FIRST = """James Mary Robert Patricia John Jennifer Michael Linda David Elizabeth William Barbara Richard Susan Joseph
Jessica Thomas Sarah Christopher Karen Carlos Lisa Daniel Nancy Matthew Sandra Anthony Betty Mark Ashley Emily Kimberly
Steven Margaret Andrew Donna Paul Michelle Joshua Carol Kenneth Amanda Kevin Melissa Brian Deborah George Stephanie José
Rebecca Timothy Laura Ronald Sharon Jason Cynthia Edward Kathleen Jeffrey Amy Ryan Angela Jacob Shirley Gary Anna
Nicholas Brenda Eric Pamela Jonathan Emma Stephen Nicole Larry Helen Justin Samantha Scott Katherine Brandon Christine
Benjamin Debra Samuel Rachel Gregory Carolyn Alexander Janet Luis María Patrick Catherine Jack Heather Dennis Diane
Jerry Olivia Tyler Julie Aaron Joyce Sofía Victoria Adam Ruth Nathan Virginia Zoë Lauren Diego Kelly Kyle Christina
Noah Joan Ethan Evelyn Jeremy Judith Hannah Andrea Wei Mei Priya Arjun Aisha Omar Fatima Yuki Hiroshi Chloé Léa
Mateo Camila Valentina Santiago Renée Søren Ingrid Björn Aoife Siobhán Tariq Leila Nia Kwame Amara""".split()
LAST = """Smith Johnson Williams Brown Jones Garcia Miller Davis Rodriguez Martinez Hernandez Lopez Gonzalez Wilson
Anderson Thomas Taylor Moore Jackson Martin Lee Perez Thompson White Harris Sanchez Clark Ramirez Lewis Robinson Walker
Young Allen King Wright Scott Torres Nguyen Hill Flores Green Adams Nelson Baker Hall Rivera Campbell Mitchell Carter
Roberts Gomez Phillips Evans Turner Diaz Parker Cruz Edwards Collins Reyes Stewart Morris Morales Murphy Cook Rogers
Gutierrez Ortiz Morgan Cooper Peterson Bailey Reed Kelly Howard Ramos Kim Cox Ward Richardson Watson Brooks Chavez Wood
James Bennett Gray Mendoza Ruiz Hughes Price Alvarez Castillo Sanders Patel Myers Long Ross Foster Jimenez Powell
Jenkins Perry Russell Sullivan Bell Coleman Butler Henderson Barnes Fisher Vasquez Simmons Romero Jordan Patterson
Alexander Hamilton Graham Reynolds Griffin Wallace Moreno West Cole Hayes Bryant Herrera Gibson Ellis Tran Medina Aguilar
Stevens Murray Ford Castro Marshall Owens Harrison Fernandez McDonald Woods Washington Kennedy Wells Vargas Henry Chen
Freeman Webb Tucker Guzman Burns Crawford Olson Simpson Porter Hunter Gordon Mendez Silva Shaw Snyder Mason Dixon Muñoz
Hunt Hicks Holmes Palmer Wagner Black Robertson Boyd Rose Stone Salazar Fox Warren Mills Meyer Rice Schmidt Daniels
Ferguson Nichols Stephens Soto Weaver Ryan Gardner Payne Grant Dunn Kelley Spencer Hawkins Arnold Pierce Hansen Peters
Santos Hart Bradley Knight Elliott Cunningham Duncan Armstrong Hudson Carroll Lane Riley Andrews Alvarado Ray Delgado
Berry Perkins Hoffman Johnston Matthews Peña Richards Contreras Willis Carpenter Lawrence Sandoval O'Brien O'Connor
Müller Schäfer Núñez Ibáñez Yamamoto Tanaka Singh Kaur Khan Ali Ahmed Okafor Mensah Kowalski Novák Petrov""".split()
NICK = {"Robert": ["Bob", "Rob", "Bobby"], "William": ["Bill", "Will"], "Elizabeth": ["Liz", "Beth", "Lizzie"],
        "Jennifer": ["Jen", "Jenny"], "Michael": ["Mike"], "Katherine": ["Kate", "Kathy", "Katie"], "James": ["Jim", "Jimmy"],
        "Joseph": ["Joe"], "Thomas": ["Tom"], "Christopher": ["Chris"], "Patricia": ["Pat", "Trish"], "Daniel": ["Dan"],
        "Matthew": ["Matt"], "Anthony": ["Tony"], "Steven": ["Steve"], "Margaret": ["Maggie", "Peg"], "Andrew": ["Andy", "Drew"],
        "Richard": ["Rick", "Dick"], "Edward": ["Ed", "Ted"], "Nicholas": ["Nick"], "Alexander": ["Alex"], "Samantha": ["Sam"],
        "Samuel": ["Sam"], "Benjamin": ["Ben"], "Rebecca": ["Becky"], "Deborah": ["Debbie"], "Stephanie": ["Steph"],
        "Jessica": ["Jess"], "Timothy": ["Tim"], "Jonathan": ["Jon"], "Christine": ["Chris", "Tina"], "Joshua": ["Josh"],
        "Susan": ["Sue"], "Victoria": ["Vicky", "Tori"], "Gregory": ["Greg"], "Kimberly": ["Kim"], "Pamela": ["Pam"],
        "Catherine": ["Cathy", "Cat"], "Jeffrey": ["Jeff"], "Kenneth": ["Ken"], "Amanda": ["Mandy"], "José": ["Pepe"]}
MAIL = [("gmail.example", 50), ("yahoo.example", 15), ("hotmail.example", 10), ("icloud.example", 12), ("outlook.example", 8),
        ("aol.example", 5)]
MAILTYPO = {"gmail.example": ["gmial.example", "gmal.example", "gmail.exampl"], "yahoo.example": ["yaho.example"],
            "hotmail.example": ["hotmial.example"], "icloud.example": ["iclod.example"]}
CITY = [("Austin", "512"), ("Tampa", "813"), ("Denver", "303"), ("Portland", "503"), ("Columbus", "614"), ("Raleigh", "919"),
        ("Tucson", "520"), ("Omaha", "402")]
TYPES = {"barbershop": ["haircut", "beard", "shave"], "salon": ["color", "haircut", "balayage", "nails"],
         "dental": ["cleaning", "whitening", "implant"], "medspa": ["botox", "laser", "facial"],
         "physio": ["assessment", "massage"], "chiro": ["adjustment", "massage"]}
PRICE = {"haircut": 40, "beard": 25, "shave": 30, "color": 120, "balayage": 190, "nails": 45, "cleaning": 110, "whitening": 320,
         "implant": 1900, "botox": 380, "laser": 260, "facial": 95, "assessment": 85, "massage": 90, "adjustment": 65}
CHAN = [("facebook", 24), ("instagram", 12), ("google_cpc", 20), ("google_organic", 15), ("tiktok", 8), ("pinterest", 4),
        ("youtube_link", 6), ("email", 6), ("referral", 5)]
UTM = {"facebook": ("facebook", "paid_social", "fbclid"), "instagram": ("instagram", "paid_social", "fbclid"),
       "google_cpc": ("google", "cpc", "gclid"), "tiktok": ("tiktok", "paid_social", "ttclid"),
       "pinterest": ("pinterest", "paid_social", "epik"), "youtube_link": ("youtube", "video_link", "ct_tracking_id"),
       "email": ("newsletter", "email", None)}
INAPP = {"facebook", "instagram", "tiktok", "pinterest"}
PLACE_MAIL = ["none@none.example", "noemail@noemail.example", "test@test.example", "na@na.example"]
PLACE_TEL = ["0000000000", "5555555555", "1234567890", "9999999999"]


def plain(s):
    return "".join(c for c in unicodedata.normalize("NFD", s) if c.isascii())


class Sim:
    def __init__(s, seed, n):
        s.r, s.n = random.Random(seed), n
        s.fw = [1 / (i + 3) ** .75 for i in range(len(FIRST))]
        s.lw = [1 / (i + 4) ** .75 for i in range(len(LAST))]
        s.tp, s.bk, s.people, s.nid = [], [], [], 0

    def p(s, x):
        return s.r.random() < x

    def hid(s, k, n=20):
        return k + "".join(s.r.choices("abcdefghijkmnpqrstuvwxyz23456789", k=n))

    def wpick(s, pairs):
        return s.r.choices([a for a, _ in pairs], weights=[b for _, b in pairs], k=1)[0]

    # ---------- the world ----------
    def world(s):
        r = s.r
        s.biz, nb = [], max(4, s.n // 400)
        for b in range(nb):
            kind = list(TYPES)[b % len(TYPES)]
            city = CITY[b % len(CITY)]
            locs = [f"B{b:02d}-L{k}" for k in range(1, r.choice([1, 2, 2, 3, 4]) + 1)]
            s.biz.append({"id": f"B{b:02d}", "kind": kind, "city": city, "locs": locs, "land": s.hid("v-st-"),
                          "staff": {l: s.hid("v-") for l in locs}, "ip": {l: f"50.{b}.{k}.10" for k, l in enumerate(locs)},
                          "camp": {c: [f"{c}_{kind}_{m}" for m in ("spring", "promo", "always_on")] for c in UTM}})
        s.carrier = {c[0]: [f"172.{56 + i}.{k // 8}.{k % 8 + 1}" for k in range(40)] for i, c in enumerate(CITY)}
        s.office = {c[0]: [f"64.{20 + i}.{k}.2" for k in range(30)] for i, c in enumerate(CITY)}
        s.hcount = 0
        pid = 0
        want = int(s.n / 1.15) * 26 // 10                     # bookers + people who never book
        while len(s.people) < want:
            city = CITY[r.randrange(min(len(s.biz), len(CITY)))]
            size = 1 if s.p(.72) else r.choice([2, 2, 3, 4])
            s.hcount += 1
            h = {"ip": f"73.{s.hcount // 250}.{s.hcount % 250}.{r.randrange(2, 250)}", "last": r.choices(LAST, s.lw)[0],
                 "land": s.phone(city[1]) if s.p(.3) else None, "mail": None, "tablet": s.device("tablet") if s.p(.35) else None}
            for k in range(size):
                f = r.choices(FIRST, s.fw)[0]
                l = h["last"] if k == 0 or s.p(.85) else r.choices(LAST, s.lw)[0]
                x = {"id": f"P{pid:05d}", "first": f, "last": l, "h": h, "city": city, "consent": not s.p(.05), "size": size}
                x["mails"] = [s.mail(f, l)] + ([s.mail(f, l)] if s.p(.22) else [])
                if k == 0 and size > 1 and s.p(.25):
                    h["mail"] = f"{plain(h['last']).lower()}family{r.randrange(99)}@{s.wpick(MAIL)}"
                if h["mail"] and s.p(.6):
                    x["mails"].insert(0, h["mail"])
                x["tels"] = [s.phone(city[1] if s.p(.8) else str(r.randrange(201, 989)))]
                if h["land"] and s.p(.4):
                    x["tels"].append(h["land"])
                x["dev"] = [s.device("mobile")] + ([s.device("desktop")] if s.p(.6) else [])
                if h["tablet"] and s.p(.6):
                    x["dev"].append(h["tablet"])
                x["work"] = r.choice(s.office[city[0]]) if s.p(.4) else None
                s.people.append(x)
                pid += 1
        r.shuffle(s.people)

    def phone(s, area):
        return f"{area}{s.r.randrange(200, 999)}{s.r.randrange(10000):04d}"

    def mail(s, f, l):
        f, l, r = plain(f).lower(), plain(l).lower().replace("'", ""), s.r
        u = r.choice([f + l, f + "." + l, f[0] + l, f + l[0], l + f, f + "_" + l, f + str(r.randrange(60, 107)),
                      f + l + str(r.randrange(1, 999)), f[0] + l + str(r.randrange(1, 99)), "the" + f + l,
                      r.choice(["sunny", "lucky", "happy", "blue", "night"]) + r.choice(["cat", "dog", "rider", "star"]) + str(r.randrange(999))])
        return f"{u}@{s.wpick(MAIL)}"

    def device(s, kind):
        if kind == "mobile":
            o = s.wpick([(("ios", "safari"), 58), (("android", "chrome"), 42)])
        elif kind == "tablet":
            o = s.wpick([(("ios", "safari"), 75), (("android", "chrome"), 25)])
        else:
            o = s.wpick([(("windows", "chrome"), 50), (("windows", "edge"), 16), (("macos", "safari"), 20), (("macos", "chrome"), 14)])
        return {"kind": kind, "os": o[0], "br": o[1], "jar": {}}

    # ---------- noise ----------
    def typo(s, w):
        r = s.r
        if len(w) < 3:
            return w
        i = r.randrange(1, len(w) - 1)
        k = r.randrange(4)
        return (w[:i] + w[i + 1:] if k == 0 else w[:i] + w[i + 1] + w[i] + w[i + 2:] if k == 1
                else w[:i] + w[i] + w[i:] if k == 2 else w[:i] + r.choice("abcdefghilmnoprstuvy") + w[i + 1:])

    def name_out(s, x, bad):
        r, f, l = s.r, x["first"], x["last"]
        if f in NICK and s.p(.12 + bad * .1):
            f = r.choice(NICK[f])
        if s.p(.5):
            f, l = plain(f), plain(l)
        if s.p(bad * .10):
            l = s.typo(l)
        if s.p(bad * .06):
            f = s.typo(f)
        t = f"{f} {l}"
        u = r.random()
        if u < bad * .05:
            t = f
        elif u < bad * .08:
            t = f"{f} {l[0]}."
        elif u < bad * .11:
            t = f"{l}, {f}"
        elif u < bad * .13:
            t = f"{f} {r.choice('ABCDEJKLMRST')} {l}"
        u = r.random()
        return t.lower() if u < .06 else t.upper() if u < .10 else t + " " if u < .12 else t

    def mail_out(s, m, bad):
        u, d = m.split("@")
        if d.startswith("gmail"):
            if s.p(.07):
                u += "+" + s.r.choice(["book", "spa", "appts", "promo", "1"])
            if s.p(.06) and len(u) > 4 and "+" not in u:
                i = s.r.randrange(1, len(u) - 1)
                u = u[:i] + "." + u[i:]
            if s.p(.02):
                d = "googlemail.example"
        if s.p(.012 + bad * .02) and d in MAILTYPO:
            d = s.r.choice(MAILTYPO[d])
        elif s.p(.01 + bad * .03):
            u = s.typo(u)
        m = f"{u}@{d}"
        k = s.r.random()
        return m.capitalize() if k < .12 else m.upper() if k < .14 else " " + m if k < .15 else m

    def tel_out(s, t, bad):
        if s.p(.008 + bad * .025):
            i = s.r.randrange(3, 10)
            t = t[:i] + s.r.choice("0123456789") + t[i + 1:] if s.p(.6) else t[:i - 1] + t[i] + t[i - 1] + t[i + 1:]
        a, b, c = t[:3], t[3:6], t[6:]
        return s.r.choice([f"+1{t}", t, f"({a}) {b}-{c}", f"{a}-{b}-{c}", f"{a}.{b}.{c}", f"1-{a}-{b}-{c}", f"+1 {a} {b} {c}",
                           f"({a}) {b}-{c} ext {s.r.randrange(1, 40)}" if s.p(.05) else f"({a}) {b}-{c}"])

    # ---------- events ----------
    def cookie(s, x, d, b, ts, inapp):
        if not x["consent"]:
            return None
        key = (b["id"], inapp)
        j = d["jar"].get(key)
        lost = j is None
        if j:
            gap = ts - j[1]
            lost = s.p(.7) if d["br"] == "safari" and gap > 7 * DAY else s.p(.04)
        v = s.hid("v-") if lost else j[0]
        d["jar"][key] = (v, ts)
        return v

    def ip(s, x, d):
        if d["kind"] == "mobile" and s.p(.55):
            return s.r.choice(s.carrier[x["city"][0]])
        if d["kind"] == "desktop" and x["work"] and s.p(.4):
            return x["work"]
        return x["h"]["ip"]

    def ev(s, x, b, ts, kind, d=None, chan=None, vid=None, ip=None, loc=None, svc=None, **more):
        e = {"business_id": b["id"], "type": kind, "ts": int(ts)}
        if loc:
            e["location_id"] = loc
        if chan:
            e["channel"] = chan
            u = UTM.get(chan)
            if u:
                if s.p(.93):
                    e["utm_source"], e["utm_medium"], e["utm_campaign"] = u[0], u[1], s.r.choice(b["camp"][chan])
                strip = .22 if d and d["os"] == "ios" else .05
                if u[2] and not s.p(strip):
                    e["click_id"] = s.hid(u[2] + ".", 24)
        if vid:
            e["visitor_id"] = vid
        if ip:
            e["ip"] = ip
        if d:
            e["device"], e["os"], e["browser"] = d["kind"], d["os"], d["br"]
        if svc:
            e["service"] = svc
        e.update({k: v for k, v in more.items() if v is not None})
        e["_p"] = x["id"] if x else "STAFF"
        s.tp.append(e)
        return e

    def visit(s, x, b, ts, loc, svc, chan=None, d=None):
        r = s.r
        chan = chan or s.wpick(CHAN)
        d = d or r.choices(x["dev"], weights=[6, 3, 2][:len(x["dev"])])[0]
        inapp = chan in INAPP and d["kind"] == "mobile" and s.p(.6)
        v, ip = s.cookie(x, d, b, ts, inapp), s.ip(x, d)
        more = {}
        if chan == "email" and s.p(.7):
            more["email_sha256"] = hashlib.sha256(x["mails"][0].encode()).hexdigest()
        e = s.ev(x, b, ts, "visit", d, chan, v, ip, loc if s.p(.6) else None, svc if s.p(.55) else None, **more)
        return e, d, v, ip

    def pii(s, x, b, ts, kind, d, v, ip, bad=.5, **more):
        t = s.p(.75) or kind == "platform_lead"
        return s.ev(x, b, ts, kind, d, more.pop("chan", None), v, ip, name=s.name_out(x, bad),
                    email=s.mail_out(s.r.choice(x["mails"]), bad) if s.p(.9) else None,
                    phone=s.tel_out(s.r.choice(x["tels"]), bad) if t else None, **more)

    def journey(s, x, b, end, loc, svc, k, known, final=None):
        """k creditable visits before `end`; some give identity; final: the chance for the last one."""
        t, last = end, None
        out = []
        for _ in range(k):
            t -= int(s.r.expovariate(1 / (4.5 * DAY))) + 2 * MIN
            out.append(t)
        for t in sorted(out):
            if t < T0:
                continue
            if t == max(out) and final:
                known = final / .85
            if s.p(.07):
                e = s.pii(x, b, t, "platform_lead", None, None, None, .5, chan=s.wpick([("facebook", 7), ("google_cpc", 3)]))
                e["location_id"] = loc
                continue
            last = s.visit(x, b, t, loc, svc, "direct" if s.p(.18) else None)
            q = s.r.random()
            if q < known * .6:
                s.pii(x, b, t + s.r.randrange(1, 9) * MIN, "lead", last[1], last[2], last[3])
            elif q < known * .85:
                s.ev(x, b, t + s.r.randrange(1, 9) * MIN, "identify", last[1], None, last[2], last[3],
                     email=s.mail_out(s.r.choice(x["mails"]), .4))
            elif q < known * .95:
                s.ev(x, b, t + s.r.randrange(1, 5) * MIN, s.r.choice(["call_click", "widget_open"]), last[1], None, last[2], last[3])
        return last

    def book(s, x, b, ts, src, loc, svc, d=None, v=None, ip=None, click=None, bad=.6):
        r = s.r
        client = x
        if x["size"] > 1 and s.p(.06):                 # books for somebody of the household, with own contact data
            client = dict(x, first=r.choices(FIRST, s.fw)[0])
        k = {"booking_id": "", "business_id": b["id"], "location_id": loc, "source": src, "created_at": int(ts),
             "service": svc, "value": round(PRICE[svc] * r.choice([.9, 1, 1, 1, 1.15]), 2), "name": s.name_out(client, bad)}
        mailp, telp = {"website": (.96, .9), "widget": (.93, .95), "stripe": (1, .2), "phone": (.38, .97),
                       "walk_in": (.3, .62)}[src]
        if s.p(mailp):
            k["email"] = s.mail_out(x["mails"][0] if s.p(.7) else r.choice(x["mails"]), bad)
        elif src in ("phone", "walk_in") and s.p(.35):
            k["email"] = r.choice(PLACE_MAIL)
        if s.p(telp):
            k["phone"] = s.tel_out(x["tels"][0] if s.p(.85) else r.choice(x["tels"]), bad)
        elif src in ("phone", "walk_in") and s.p(.4):
            k["phone"] = r.choice(PLACE_TEL)
        for a, c in (("visitor_id", v), ("ip", ip), ("click_id", click)):
            if c:
                k[a] = c
        if d:
            k["device"], k["os"], k["browser"] = d["kind"], d["os"], d["br"]
        k["_p"] = x["id"]
        s.bk.append(k)

    def booking(s, x, b):
        r = s.r
        ts = T0 + r.randrange(42 * DAY, 150 * DAY)
        loc = r.choice(b["locs"])
        svc = r.choice(TYPES[b["kind"]])
        staff = dict(v=b["staff"][loc], ip=b["ip"][loc], d={"kind": "desktop", "os": "windows", "br": "chrome"})
        if s.p(.27):                                   # nothing to credit
            if s.p(.25):
                s.journey(x, b, ts - r.randrange(32 * DAY, 60 * DAY), loc, svc, r.choice([1, 1, 2]), .35)
            if s.p(.35):
                e, d, v, ip = s.visit(x, b, ts - r.randrange(2, 25) * MIN, loc, svc, "direct")
                return s.book(x, b, ts, "website", loc, svc, d, v, ip)
            if s.p(.15):                               # staff types it into the site's own form
                return s.book(x, b, ts, "website", loc, svc, staff["d"], staff["v"], staff["ip"], bad=1)
            return s.book(x, b, ts, r.choice(["phone", "phone", "walk_in"]), loc, svc, bad=1)
        k = 1
        while s.p(.5) and k < 8:
            k += 1
        mode = s.wpick([("same", 46), ("later_same_dev", 9), ("other_dev", 9), ("call_click", 13), ("phone", 10), ("lead", 10), ("walk_in", 3)])
        if mode == "same":
            s.journey(x, b, ts - HOUR, loc, svc, k - 1, .32)
            e, d, v, ip = s.visit(x, b, ts - r.randrange(2, 25) * MIN, loc, svc, "direct" if k > 1 and s.p(.35) else None)
            src = s.wpick([("website", 55), ("widget", 33), ("stripe", 12)])
            click = e.get("click_id")
            if src == "website":
                return s.book(x, b, ts, src, loc, svc, d, v, ip, click if click and s.p(.85) else None)
            keep = s.p(.6)
            if s.p(.85):                               # the outbound click to the booking or payment page
                s.ev(x, b, ts - r.randrange(40, 110) * SEC, "widget_open", d, None, v, ip, loc if s.p(.8) else None, svc if s.p(.8) else None)
            return s.book(x, b, ts, src, loc, svc, d if keep else None, None, ip if keep else None, click if click and s.p(.5) else None)
        if mode == "later_same_dev":
            last = s.journey(x, b, ts - 3 * HOUR, loc, svc, k, .45)
            e, d, v, ip = s.visit(x, b, ts - r.randrange(2, 20) * MIN, loc, svc, "direct", last[1] if last else None)
            return s.book(x, b, ts, "website" if s.p(.75) else "widget", loc, svc, d, v if s.p(.8) else None, ip)
        if mode == "other_dev":
            s.journey(x, b, ts - 3 * HOUR, loc, svc, k, .5, .86)
            e, d, v, ip = s.visit(x, b, ts - r.randrange(2, 20) * MIN, loc, svc, "direct", r.choice(x["dev"]))
            return s.book(x, b, ts, "website" if s.p(.7) else "widget", loc, svc, d, v, ip)
        if mode == "call_click":
            s.journey(x, b, ts - HOUR, loc, svc, k - 1, .32)
            e, d, v, ip = s.visit(x, b, ts - r.randrange(6, 25) * MIN, loc, svc, d=x["dev"][0])
            s.ev(x, b, ts - r.randrange(60, 300) * SEC, "call_click", d, None, v, ip, loc if s.p(.8) else None)
            return s.book(x, b, ts, "phone", loc, svc, bad=1)
        if mode == "lead":
            s.journey(x, b, ts - 30 * HOUR, loc, svc, k - 1, .32)
            t = ts - r.randrange(1, 96) * HOUR
            if s.p(.5):
                e = s.pii(x, b, t, "platform_lead", None, None, None, .5, chan=s.wpick([("facebook", 7), ("google_cpc", 3)]))
                e["location_id"] = loc
            else:
                e, d, v, ip = s.visit(x, b, t, loc, svc)
                s.pii(x, b, t + r.randrange(1, 8) * MIN, "lead", d, v, ip)
            return s.book(x, b, ts, "phone", loc, svc, bad=1)
        s.journey(x, b, ts - 2 * HOUR, loc, svc, k, .5, .86)
        if mode == "phone" and s.p(.12):
            return s.book(x, b, ts, "website", loc, svc, staff["d"], staff["v"], staff["ip"], bad=1)
        return s.book(x, b, ts, "phone" if mode == "phone" else "walk_in", loc, svc, bad=1)

    def run(s):
        r = s.r
        s.world()
        by = {}
        for b in s.biz:
            by.setdefault(b["city"][0], []).append(b)
        bookers = int(s.n / 1.15)
        done = 0
        for i, x in enumerate(s.people):
            b = r.choice(by[x["city"][0]])
            if i < bookers:
                for _ in range(1 if not s.p(.13) else r.choice([2, 2, 3])):
                    if done < s.n:
                        s.booking(x, b)
                        done += 1
            elif s.p(.8):
                s.journey(x, b, T0 + r.randrange(20 * DAY, 150 * DAY), r.choice(b["locs"]), r.choice(TYPES[b["kind"]]),
                          r.choice([1, 1, 1, 2, 2, 3]), .3)
            if s.p(.06):                               # the same person is also seen by another business of the city
                s.journey(x, r.choice(by[x["city"][0]]), T0 + r.randrange(20 * DAY, 150 * DAY), None, None, 1, .3)
        while done < s.n:
            x = r.choice(s.people[:bookers])
            s.booking(x, r.choice(by[x["city"][0]]))
            done += 1
        for b in s.biz:                                # staff try out their own ads on the front-desk machine
            for l in b["locs"]:
                for _ in range(14):
                    s.ev(None, b, T0 + r.randrange(150 * DAY), "visit", {"kind": "desktop", "os": "windows", "br": "chrome"},
                         s.wpick(CHAN), b["staff"][l], b["ip"][l], l)
        s.tp.sort(key=lambda e: (e["ts"], e["business_id"], e["type"]))
        for i, e in enumerate(s.tp):
            e["tp_id"] = f"T{i:06d}"
        s.bk.sort(key=lambda e: (e["created_at"], e["business_id"]))
        for i, e in enumerate(s.bk):
            e["booking_id"] = f"K{i:05d}"

    def truth(s):
        def norm_m(m):
            u, d = m.strip().lower().split("@")
            d = d.replace("googlemail", "gmail")
            if d.startswith("gmail"):
                u = u.replace(".", "")
            return u.split("+")[0] + "@" + d

        def norm_t(t):
            q = "".join(c for c in t.split("ext")[0] if c.isdigit())
            return q[-10:]
        own, seen = {}, {}
        for e in s.tp:
            own.setdefault((e["_p"], e["business_id"]), []).append(e)
            if "visitor_id" in e:
                seen.setdefault(e["visitor_id"], []).append(e)
        for k in s.bk:
            el = [e for e in own.get((k["_p"], k["business_id"]), []) if e["type"] in ("visit", "platform_lead")
                  and e["channel"] != "direct" and e["ts"] <= k["created_at"] and (k["created_at"] - e["ts"]) // DAY <= 30]
            t = {"booking_id": k["booking_id"], "person_id": k["_p"], "touchpoints": [e["tp_id"] for e in el],
                 "last_tp": el[-1]["tp_id"] if el else None, "channel": el[-1]["channel"] if el else None}
            if el:                                     # the strongest signal that ties last_tp to the booking, for the breakdown
                e, c = el[-1], "none"
                g = seen.get(e.get("visitor_id"), [e])
                ms, ts_ = [q["email"] for q in g if "email" in q], [q["phone"] for q in g if "phone" in q]
                if k.get("click_id") and k.get("click_id") == e.get("click_id"):
                    c = "click_id"
                elif k.get("visitor_id") and k.get("visitor_id") == e.get("visitor_id"):
                    c = "cookie"
                elif k.get("email") and (k["email"] in ms) or k.get("phone") and k["phone"] in ts_:
                    c = "pii_exact"
                elif (k.get("email") and norm_m(k["email"]) in map(norm_m, ms)) or (k.get("phone") and norm_t(k["phone"]) in map(norm_t, ts_)) \
                        or (k.get("email") and e.get("email_sha256") == hashlib.sha256(norm_m(k["email"]).encode()).hexdigest()):
                    c = "pii_norm"
                elif any(q["type"] in ("call_click", "widget_open") and 0 <= k["created_at"] - q["ts"] <= 6 * MIN for q in g):
                    c = "call_or_open"
                elif ms or ts_:
                    c = "pii_fuzzy"
                elif k.get("ip") and k["ip"] == e.get("ip"):
                    c = "ip"
                t["evidence"] = c
            yield t


def main():
    seed, n, out = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    os.makedirs(out, exist_ok=True)
    s = Sim(seed, n)
    s.run()
    tr = list(s.truth())

    def dump(f, rows, first):
        with open(os.path.join(out, f), "w") as h:
            for x in rows:
                y = {first: x[first]}
                y.update((k, v) for k, v in x.items() if k != first and not k.startswith("_"))
                h.write(json.dumps(y, separators=(",", ":"), ensure_ascii=False) + "\n")
    dump("touchpoints.jsonl", s.tp, "tp_id")
    dump("bookings.jsonl", s.bk, "booking_id")
    dump("truth.jsonl", tr, "booking_id")
    with open(os.path.join(out, "owners.jsonl"), "w") as h:
        for x in s.tp:
            h.write(json.dumps([x["tp_id"], x["_p"]]) + "\n")


main()
