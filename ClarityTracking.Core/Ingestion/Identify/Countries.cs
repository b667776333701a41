using System.Collections.Frozen;

namespace ClarityTracking.Core.Ingestion.Identify;

/// <summary>Reads a country in any usual writing as its ISO 3166-1 alpha-2 code.</summary>
public static class Countries
{
    const int LongestName = 64;

    /// <summary>Alpha-2, alpha-3 and English short name (letters only) of the 249 officially assigned codes of ISO 3166-1.</summary>
    const string Table = """
        ad:and:andorra ae:are:unitedarabemirates af:afg:afghanistan ag:atg:antiguaandbarbuda ai:aia:anguilla al:alb:albania
        am:arm:armenia ao:ago:angola aq:ata:antarctica ar:arg:argentina as:asm:americansamoa at:aut:austria au:aus:australia
        aw:abw:aruba ax:ala:alandislands az:aze:azerbaijan ba:bih:bosniaandherzegovina bb:brb:barbados bd:bgd:bangladesh
        be:bel:belgium bf:bfa:burkinafaso bg:bgr:bulgaria bh:bhr:bahrain bi:bdi:burundi bj:ben:benin bl:blm:stbarthelemy
        bm:bmu:bermuda bn:brn:brunei bo:bol:bolivia bq:bes:caribbeannetherlands br:bra:brazil bs:bhs:bahamas bt:btn:bhutan
        bv:bvt:bouvetisland bw:bwa:botswana by:blr:belarus bz:blz:belize ca:can:canada cc:cck:cocosislands
        cd:cod:democraticrepublicofthecongo cf:caf:centralafricanrepublic cg:cog:congo ch:che:switzerland ci:civ:ivorycoast
        ck:cok:cookislands cl:chl:chile cm:cmr:cameroon cn:chn:china co:col:colombia cr:cri:costarica cu:cub:cuba
        cv:cpv:capeverde cw:cuw:curacao cx:cxr:christmasisland cy:cyp:cyprus cz:cze:czechia de:deu:germany dj:dji:djibouti
        dk:dnk:denmark dm:dma:dominica do:dom:dominicanrepublic dz:dza:algeria ec:ecu:ecuador ee:est:estonia eg:egy:egypt
        eh:esh:westernsahara er:eri:eritrea es:esp:spain et:eth:ethiopia fi:fin:finland fj:fji:fiji fk:flk:falklandislands
        fm:fsm:micronesia fo:fro:faroeislands fr:fra:france ga:gab:gabon gb:gbr:unitedkingdom gd:grd:grenada ge:geo:georgia
        gf:guf:frenchguiana gg:ggy:guernsey gh:gha:ghana gi:gib:gibraltar gl:grl:greenland gm:gmb:gambia gn:gin:guinea
        gp:glp:guadeloupe gq:gnq:equatorialguinea gr:grc:greece gs:sgs:southgeorgiaandsouthsandwichislands gt:gtm:guatemala
        gu:gum:guam gw:gnb:guineabissau gy:guy:guyana hk:hkg:hongkong hm:hmd:heardandmcdonaldislands hn:hnd:honduras
        hr:hrv:croatia ht:hti:haiti hu:hun:hungary id:idn:indonesia ie:irl:ireland il:isr:israel im:imn:isleofman in:ind:india
        io:iot:britishindianoceanterritory iq:irq:iraq ir:irn:iran is:isl:iceland it:ita:italy je:jey:jersey jm:jam:jamaica
        jo:jor:jordan jp:jpn:japan ke:ken:kenya kg:kgz:kyrgyzstan kh:khm:cambodia ki:kir:kiribati km:com:comoros
        kn:kna:stkittsandnevis kp:prk:northkorea kr:kor:southkorea kw:kwt:kuwait ky:cym:caymanislands kz:kaz:kazakhstan
        la:lao:laos lb:lbn:lebanon lc:lca:stlucia li:lie:liechtenstein lk:lka:srilanka lr:lbr:liberia ls:lso:lesotho
        lt:ltu:lithuania lu:lux:luxembourg lv:lva:latvia ly:lby:libya ma:mar:morocco mc:mco:monaco md:mda:moldova
        me:mne:montenegro mf:maf:stmartin mg:mdg:madagascar mh:mhl:marshallislands mk:mkd:northmacedonia ml:mli:mali
        mm:mmr:myanmar mn:mng:mongolia mo:mac:macao mp:mnp:northernmarianaislands mq:mtq:martinique mr:mrt:mauritania
        ms:msr:montserrat mt:mlt:malta mu:mus:mauritius mv:mdv:maldives mw:mwi:malawi mx:mex:mexico my:mys:malaysia
        mz:moz:mozambique na:nam:namibia nc:ncl:newcaledonia ne:ner:niger nf:nfk:norfolkisland ng:nga:nigeria ni:nic:nicaragua
        nl:nld:netherlands no:nor:norway np:npl:nepal nr:nru:nauru nu:niu:niue nz:nzl:newzealand om:omn:oman pa:pan:panama
        pe:per:peru pf:pyf:frenchpolynesia pg:png:papuanewguinea ph:phl:philippines pk:pak:pakistan pl:pol:poland
        pm:spm:stpierreandmiquelon pn:pcn:pitcairnislands pr:pri:puertorico ps:pse:palestinianterritories pt:prt:portugal
        pw:plw:palau py:pry:paraguay qa:qat:qatar re:reu:reunion ro:rou:romania rs:srb:serbia ru:rus:russia rw:rwa:rwanda
        sa:sau:saudiarabia sb:slb:solomonislands sc:syc:seychelles sd:sdn:sudan se:swe:sweden sg:sgp:singapore sh:shn:sthelena
        si:svn:slovenia sj:sjm:svalbardandjanmayen sk:svk:slovakia sl:sle:sierraleone sm:smr:sanmarino sn:sen:senegal
        so:som:somalia sr:sur:suriname ss:ssd:southsudan st:stp:saotomeandprincipe sv:slv:elsalvador sx:sxm:sintmaarten
        sy:syr:syria sz:swz:eswatini tc:tca:turksandcaicosislands td:tcd:chad tf:atf:frenchsouthernterritories tg:tgo:togo
        th:tha:thailand tj:tjk:tajikistan tk:tkl:tokelau tl:tls:timorleste tm:tkm:turkmenistan tn:tun:tunisia to:ton:tonga
        tr:tur:turkey tt:tto:trinidadandtobago tv:tuv:tuvalu tw:twn:taiwan tz:tza:tanzania ua:ukr:ukraine ug:uga:uganda
        um:umi:usoutlyingislands us:usa:unitedstates uy:ury:uruguay uz:uzb:uzbekistan va:vat:vaticancity
        vc:vct:stvincentandgrenadines ve:ven:venezuela vg:vgb:britishvirginislands vi:vir:usvirginislands vn:vnm:vietnam
        vu:vut:vanuatu wf:wlf:wallisandfutuna ws:wsm:samoa ye:yem:yemen yt:myt:mayotte za:zaf:southafrica zm:zmb:zambia
        zw:zwe:zimbabwe
        """;

    /// <summary>Writings that are not in the standard but in address forms: former and local names, parts of the United Kingdom, the EU's EL.</summary>
    const string Aliases = """
        gb:uk gb:greatbritain gb:england gb:scotland gb:wales gb:northernireland us:unitedstatesofamerica us:america us:theunitedstates
        gr:el gr:hellas nl:holland nl:thenetherlands nl:nederland cz:czechrepublic kr:korea kr:republicofkorea de:deutschland ch:schweiz
        ch:suisse ch:svizzera be:belgique be:belgie es:espana it:italia br:brasil pl:polska se:sverige no:norge dk:danmark fi:suomi
        at:oesterreich tr:turkiye mo:macau mm:burma ru:russianfederation ae:uae mk:macedonia sz:swaziland cv:caboverde ps:palestine
        bs:thebahamas gm:thegambia ph:thephilippines hr:hrvatska hu:magyarorszag tl:easttimor va:holysee
        """;

    static readonly FrozenDictionary<string, string>.AlternateLookup<ReadOnlySpan<char>> ByWriting =
        Build().GetAlternateLookup<ReadOnlySpan<char>>();

    /// <summary>The lower-case alpha-2 code, or null: a wrong country is worse than none, so nothing is guessed or cut to two letters.</summary>
    /// <param name="country">Code or English name; case, spaces and punctuation do not matter.</param>
    public static string? Code(ReadOnlySpan<char> country)
    {
        Span<char> letters = stackalloc char[LongestName];
        var length = 0;
        foreach (var c in country)
        {
            if (char.IsAsciiLetter(c))
            {
                if (length == LongestName)
                    return null;
                letters[length++] = (char)(c | 0x20);
            }
            else if (char.IsAsciiDigit(c) || (c > 127 && char.IsLetter(c)))
            {
                return null;
            }
        }
        return ByWriting.TryGetValue(letters[..length], out var code) ? code : null;
    }

    static FrozenDictionary<string, string> Build()
    {
        var codes = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var entry in Table.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries))
        {
            var writings = entry.Split(':');
            foreach (var writing in writings)
                codes[writing] = writings[0];
        }
        foreach (var entry in Aliases.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries))
            codes[entry[3..]] = entry[..2];
        return codes.ToFrozenDictionary(StringComparer.Ordinal);
    }
}
