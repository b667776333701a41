using System.Collections.Frozen;

namespace ClarityTracking.Core.People;

/// <summary>Short and pet forms of English given names (and a few Spanish ones). A form that stands for several names is under each.</summary>
internal static class Nicknames
{
    // name: its forms; folded as IdentityText.Name folds
    private const string Table = """
        abigail: abby gail
        albert: al bert bertie
        alexander: alex al sandy xander lex
        alexandra: alex sandra sandy lexi
        alfred: al fred alfie
        allison: ali allie
        amanda: mandy
        andrea: andie drea
        andrew: andy drew
        angela: angie
        anthony: tony ant
        antonio: tony toni
        arthur: art artie
        barbara: barb barbie babs
        benjamin: ben benny benji
        bernard: bernie
        bradley: brad
        brandon: bran
        caroline: carol carrie
        catherine: cathy cat kate katie cath
        charles: charlie chuck chas
        charlotte: charlie lottie
        christina: chris chrissy tina christie
        christine: chris chrissy tina christie
        christopher: chris kit topher
        cynthia: cindy
        daniel: dan danny
        danielle: dani
        david: dave davy
        deborah: deb debbie debra
        dennis: denny
        dolores: lola
        donald: don donny
        dorothy: dot dottie
        douglas: doug
        edward: ed ted eddie ned teddy
        eleanor: ellie nell nora
        elizabeth: liz beth lizzie betty betsy eliza lisa libby
        emily: em emmy
        eugene: gene
        evelyn: evie
        florence: flo
        frances: fran frankie
        francis: frank frankie
        francisco: paco pancho
        franklin: frank
        frederick: fred freddie rick
        gabriel: gabe
        gabrielle: gabby
        gerald: gerry jerry
        gregory: greg
        guadalupe: lupe
        harold: harry hal
        helen: nell nellie
        henry: hank harry
        ignacio: nacho
        isabella: bella izzy
        jacob: jake
        james: jim jimmy jamie
        janet: jan
        jason: jay
        jeffrey: jeff
        jennifer: jen jenny
        jeremy: jerry
        jessica: jess jessie
        john: johnny jack
        jonathan: jon johnny
        jose: pepe
        joseph: joe joey
        joshua: josh
        judith: judy
        juliana: julie
        katherine: kate kathy katie kat kathryn
        kathleen: kathy kate katie
        kenneth: ken kenny
        kimberly: kim
        lawrence: larry
        leonard: len lenny leo
        lillian: lily
        louis: lou
        madeline: maddie
        margaret: maggie peg meg peggy marge rita
        maria: mary
        martin: marty
        matthew: matt
        megan: meg
        melissa: mel missy
        michael: mike mikey mick
        michelle: shelly
        mitchell: mitch
        nancy: nan
        natalie: nat
        nathan: nate
        nathaniel: nate nathan
        nicholas: nick nicky
        nicole: nikki
        olivia: liv livvy
        pamela: pam
        patricia: pat trish patty tricia
        patrick: pat paddy
        peter: pete
        philip: phil
        phillip: phil
        rachel: rach
        raymond: ray
        rebecca: becky becca
        richard: rick dick rich richie ricky
        robert: bob rob bobby robbie bert
        roberto: beto
        ronald: ron ronnie
        russell: russ
        samantha: sam sammy
        samuel: sam sammy
        sandra: sandy
        santiago: santi
        sarah: sally
        sharon: shari
        sophia: sophie
        stephanie: steph
        stephen: steve
        steven: steve
        susan: sue susie suzy
        suzanne: sue
        terrence: terry
        theodore: ted teddy theo
        theresa: terry tess
        thomas: tom tommy
        timothy: tim timmy
        tobias: toby
        tyler: ty
        valentina: val
        valerie: val
        vanessa: nessa
        veronica: ronnie
        victor: vic
        victoria: vicky tori vicki
        vincent: vince
        virginia: ginny
        walter: walt wally
        william: bill will billy willie liam
        zachary: zach zack
        """;

    private static readonly FrozenDictionary<string, string[]> NamesOf = Table
        .Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
        .Select(line => line.Split(": "))
        .SelectMany(parts => parts[1].Split(' ').Append(parts[0]).Select(form => (Form: form, Name: parts[0])))
        .GroupBy(pair => pair.Form, pair => pair.Name)
        .ToFrozenDictionary(group => group.Key, group => group.Distinct().ToArray(), StringComparer.Ordinal);

    /// <summary>The full names that a given name may stand for; itself when it is not in the table.</summary>
    /// <param name="given">Folded.</param>
    public static IReadOnlyList<string> FullNames(string given) => NamesOf.GetValueOrDefault(given) ?? [given];

    /// <summary>Whether two different given names can be one: Bob and Robert, Bob and Rob.</summary>
    public static bool AreSame(string one, string other) =>
        NamesOf.TryGetValue(one, out var names) && NamesOf.TryGetValue(other, out var others) && names.Any(others.Contains);
}
