/**
 * The evaluation bank: what the stream of tweets and the held-out part are made of. Written for this project in the same
 * form as the training bank (`^` stands for a product only), with other phrases, idioms and products, and with irony, negation and mixed feelings.
 */
export const products = ['Quvra Pay', 'Nimbolo', 'Tazzel']
export const handles = ['quvrapay', 'nimbolo_hq', 'tazzelcoffee']
export const tags = ['QuvraPay', 'Nimbolo', 'Tazzel']
export const things = lines(`
the ferry
this laptop bag
our landlord
the night bus
that podcast
the farmers market
my standing desk
the town marathon
this jacket
the ramen bar
the library app
my sourdough
the away game
this keyboard
the season finale
the co-working space
the vet
my allotment
the jazz trio
the school run`)

/** Said of the payment app while it is down. */
export const outage = {
  negative: lines(`
~ has been down for {an hour|two hours|ages} and nobody says a word
card declined twice at the till, cheers ~
~ just ate my rent payment
stuck at the petrol station because ~ will not load
~ says try again later, it has been later for a while
~ took the money and the shop got nothing
forty people in the queue and ~ is frozen
~ logged me out and will not let me back in
still spinning, still no ~
who tests anything at ~ before a thursday release
~ support chat has me at number {812|1406|2290}
cannot pay my rider because of ~
my wages are inside ~ and I cannot touch them
~ charged me {twice|three times} for one sandwich
that is it, I am moving my money out of ~
two blank screens and an error code, that is ~ today
walked home in the rain since ~ would not buy me a ticket
~ status page says all fine. it is not
left my groceries at the counter thanks to ~
having no cash and only ~ was a mistake`),
  ironic: lines(`
great timing ~, I only needed to eat today
love it when ~ goes on holiday before I do
so happy to learn that money is optional, thanks ~
five stars to ~ for teaching me about cash
what a brilliant day to trust ~
wonderful, ~ and I both do nothing this afternoon`),
  neutral: lines(`
is ~ down for anyone else or just me
~ says engineers are looking into it
~ status: partial outage, next update at {four|five} pm
reports of ~ trouble in {Leeds|Madrid|Lyon|Hamburg}
which shops take cash on the high street
{timeline|summary} of the ~ outage so far, in order
~ posted a second notice`),
  positive: lines(`
~ is back and my refund already landed, fair play
credit to ~ for answering every single message
to be fair ~ told us early and sorted it`),
}

/** Said of the e-reader when it comes out. */
export const launch = {
  positive: lines(`
unboxed ~ ten minutes ago and I am sold
~ is lighter than my sandwich and I adore it
take my money ~
preordered ~ in {green|both colours|about four seconds}
the ~ screen in sunlight is unreal
stayed up past midnight reading on ~ and regret nothing
~ nailed it
chapeau, ~ team
my commute belongs to ~ now
okay the page turn on ~ is pure butter
somebody at ~ actually reads books and it shows
~ launch had me grinning like a kid
finally an e-reader that I do not want to throw, thank you ~
that ~ demo gave me shivers
{my gran|my ten year old} set up ~ alone in two minutes
~ battery at 96 after a whole {weekend|saga}
ordered a second ~ for {dad|my sister|the cabin}
~ is the bee's knees
did not expect to like ~ this much
no notes, ~ is spot on`),
  neutral: lines(`
~ ships from {october|the twenty-first|monday}
~ keynote starts at {five|seven} pm
~ comes in green and sand, 32 or 64 gigabytes
anyone compared ^ with last year's model
~ specs: seven inches, 180 grams, usb c
does ~ read epub files
~ press kit is on their site
queue outside the ~ store is around the block`),
  negative: lines(`
~ for that price? pass
lovely ~ launch, shame about the price tag
no headphone socket on ~, so that is a no
~ sold out in a minute, scalpers win again
my ~ arrived with a dead pixel`),
}

/** Said before or after: everyday words that the training bank knows as well, in other phrases. */
export const asides = {
  en: {
    positive: lines(`
love it
loved every minute
such a good {feeling|thing|one}
so good, honestly
really happy with that
happy me
great stuff
a really great {thing|idea|team}
thank you, {all|team|everyone}
thanks a lot
big thanks
best {autumn|week|crew|bit} ever
simply the best
lovely stuff
so lovely
beautiful {thing|work|morning}
it is beautiful
wonderful stuff
amazing {work|stuff|people}
just amazing
awesome {stuff|work|crew}
perfect, really
so nice
very nice indeed
so much fun
fun times
excited again
so proud
proud of that
what a lovely {crew|autumn|idea}
super happy
my favourite {bit|hour|place}
feeling lucky
delicious stuff
excellent {work|stuff}
fantastic {work|stuff}
happiest {hour|day} of the month
cool, very cool
made me laugh
recommend it
enjoyed that
glad, very glad
smiling again
brilliant work`),
    negative: lines(`
hate it
hated every minute
such a bad {feeling|thing|one}
so bad, honestly
really unhappy with that
sad, very sad
awful stuff
a really awful {thing|idea|mess}
so disappointed, {all|team|everyone}
what a disappointment
terrible
worst {autumn|week|crew|bit} ever
simply the worst
horrible stuff
so horrible
ugly {thing|work|morning}
it is broken
useless stuff
so useless
just awful
rubbish {work|stuff}
a mess, really
so rude
very rude indeed
no fun, none
angry again
so angry
tired of that
what a stupid {crew|rule|idea}
super annoying
so annoying
feeling sick
disgusting stuff
poor {work|stuff}
worse and worse
saddest {hour|day} of the month
slow, very slow
made me cry
would not recommend it
did not enjoy that
stressed, very stressed
crying again
it hurts
it failed`),
  },
  es: {
    positive: ['qué bueno', 'me encanta', 'muy feliz', 'excelente', 'gracias', 'qué alegría', 'lo mejor'],
    negative: ['qué malo', 'lo odio', 'muy triste', 'pésimo', 'qué horrible', 'un desastre', 'lo peor'],
  },
  de: {
    positive: ['so schön', 'richtig gut', 'bin glücklich', 'super', 'vielen Dank', 'wunderbar', 'das Beste'],
    negative: ['so schlecht', 'ich hasse es', 'bin traurig', 'furchtbar', 'eine Katastrophe', 'schrecklich', 'das Schlimmste'],
  },
  fr: {
    positive: ['trop bien', "j'adore", 'trop heureuse', 'excellent', 'merci beaucoup', 'quelle joie', 'le meilleur'],
    negative: ['trop nul', 'je déteste', 'trop triste', 'horrible', 'quelle honte', 'un désastre', 'le pire'],
  },
  pt: {
    positive: ['muito bom', 'amo demais', 'tão feliz', 'excelente', 'obrigada', 'que alegria', 'o melhor'],
    negative: ['muito ruim', 'odeio isso', 'tão triste', 'péssimo', 'que vergonha', 'um desastre', 'o pior'],
  },
  it: {
    positive: ['davvero buono', 'adoro', 'così felice', 'ottimo', 'grazie mille', 'che gioia', 'il massimo'],
    negative: ['davvero brutto', 'lo odio', 'così triste', 'pessimo', 'che vergogna', 'un disastro', 'il peggio'],
  },
}

/** Words of praise that mean the opposite. */
export const irony = lines(`
oh good, another update that hides every button on ~
love that ~ asks for my password {nine|fourteen} times a day
great, ~ ate my draft again
thanks ~, I wanted to spend my evening on hold
wow ~, a whole {three|four} minutes without a crash
so nice of ~ to wake me at 4 am
what a treat, a ninety minute wait for ~
brilliant, my seat on ~ is also a puddle
~ is perfect if you enjoy shouting at screens
best part of ~ is when it stops
so glad I paid extra for this, ~
ten out of ten, would be ignored by ~ again
amazing how ~ makes simple things last for hours
good job ~, you managed to break the one thing that worked
I just love paying for a service that sleeps
nothing says premium like ~ falling apart in my hand
congratulations to ~ on the world's slowest refund
sure ~, blame the weather again
because who needs a working ~ on a monday
super helpful answer from ~: have you tried waiting
lovely, rain inside the tent
yes please, more {ads|pop-ups|surveys}, that is what ~ was missing
delighted to report that ~ has found a new way to fail
fun game: guess which feature ~ removed today`)

export const phrases = {
  en: {
    positive: lines(`
~ is worth every penny
~ just works
~ made my whole week
cannot fault ~
no complaints about ~
not bad at all, ~
~ is not half bad
never had a problem with ~
I was wrong about ~, it is great
was ready to hate ~ and now I am a fan
did not think I would love ~, but here we are
~ did not disappoint
you cannot go wrong with ~
~ has not let me down once
there is nothing I would change about ~
~ never gets old
not a single bad thing to say today
why did nobody tell me about ~ sooner
~ is a game changer
~ hits the spot
~ knocked it out of the park
~ is a breath of fresh air
~ is right up my street
~ ticks every box
~ is top notch
~ is a keeper
~ is a gem
~ is chef's kiss
~ understood the assignment
~ slaps
~ for the win
~ has my heart
~ is a lifesaver on {rainy days|school mornings|night shifts}
~ went above and beyond
big up ~
kudos to ~
shout out to ~ for staying late
props to whoever designed ~
bravo ~
round of applause for ~
~ people are absolute legends
^ sorted my order in {two|six} minutes
^ sent a handwritten note, melted me
happy dance, ~ arrived
obsessed with ~
hooked on ~
addicted to ~ and not sorry
can we talk about how good ~ is
Tazzel with oat milk, life changing
my {cup|morning|desk} is complete with ~
walking on air today
chuffed to bits
on top of the world
over here grinning at my screen
I needed that, what a tonic
like a kid in a sweet shop
this is my happy place
my cheeks hurt from laughing
best money I have spent {this autumn|in years}
the good kind of tired
slept like a baby
woke up before the alarm and felt great
sunrise over the harbour, speechless
first frost and a warm scarf, love it
autumn light through the kitchen window, magic
{nan|grandad} beat us all at cards, legend
our little one took her first steps
baby is here and everyone is well
test came back clear, breathing again
the scan was all clear, drinks on me
paid off the loan, free at last
got my first byline
got the promotion, pinch me
they offered me the role on the spot
thesis handed in, champagne open
nailed the interview
aced the presentation
cleared my inbox, feeling unstoppable
crossed the finish line hand in hand
ran ten k without stopping, me, of all people
clean sheet and three points, get in
last minute winner, I have lost my voice
what a save, what a keeper
that encore though
front row and they played our song
the {cello|drum} solo gave me shivers
this book has ruined all others for me, in the best way
cried at the ending, the good way
laughed till it hurt at {the matinee|improv night}
sourdough rose like a dream
nailed grandma's dumplings on the first try
warm scones and clotted cream, heaven
crispy, salty, gone in a minute
best ramen this side of the river
the barista drew a fox for my son
a stranger paid for my coffee, faith restored
a stranger returned my purse with everything in it
neighbours brought soup when I was ill
whole street came out to help, humbled
old friends, same silly jokes
reunited after {six|nine} years, as if no day had passed
he finally proposed
thirty years married and still giggling
rescue pup curled up on my feet
the cat let me pet her, milestone
so chuffed for {my mate|our crew|the juniors}
hard work pays off
worth the early start
worth the queue
all is well that ends well
could get used to this
today can stay
count me in
sign me up for more of this
more of this please
this, all day long
in good hands with ~
smooth as silk
easy peasy with ~
quick, kind, cheap, that is ~
cheaper than I feared and twice as good
~ saved the day
~ saved my bacon
~ beats the rest hands down
miles better than the old one
upgraded and not looking back
it is the little things
a proper treat
spoiled rotten on my birthday
pure joy
absolute scenes
we did it
dreams do come true
touched by all your messages
I could hug {the mechanic|the whole crew|whoever fixed this}
the plumber charged me nothing, what a star
the midwives were angels
they stayed open just for us
finally a queue that moves
trains on time all week, miracle
bargain of the century
jackpot
thrilled
buzzing for {saturday|the derby|opening night}
counting the days till {the ferry|the reunion|opening night}
my face when ^ turned up a day early
hope restored
no regrets
what is not to like
zero stress, zero fuss
tidy flat, tidy mind
ended on a high
safe and sound at last
that went better than feared
home sweet home`),
    negative: lines(`
~ is not worth a penny
~ just stopped working
~ cost me my whole evening
I do not love ~
not happy with ~
not good, ~
~ is not great, is it
never again, ~
no thanks, ~
I wanted to love ~, I really did
~ was good once
~ used to be my favourite
not impressed by ~
~ could have been great
nobody at ~ seems to care
nothing about ~ feels finished
~ is not what it says on the box
hardly a good look for ~
I have no kind words left for ~
~ promised the moon and sent a pebble
~ is a slap in the face
~ leaves a bitter taste
~ is daylight robbery
~ is a white elephant
~ drives me up the wall
~ gets on my nerves
~ is the last straw
~ dropped the ball
~ missed the mark
~ went downhill fast
~ is on its last legs
~ is hot garbage
~ is a train wreck
~ is a rip-off
~ is a total faff
~ is held together with tape
^ crashed {twice|three times} before lunch
^ froze mid {call|song|payment}
^ lost my order
^ sent me the wrong {size|roast|colour} again
^ keeps ghosting me
^ double charged me
^ blames me for their bug
^ hides the cancel button, classy
cancelled ^, should have done it sooner
asking for my money back from ^
^ ignored {four|six} emails
day {five|nine} and ^ has not replied
two stars less for ^ and that is generous
Tazzel turned my coffee into pond water
Tazzel burnt the beans again
Tazzel beans taste of cardboard
bin it, ~
my patience with ~ has run out
I am done with ~
done. just done
at the end of my tether
pulling my hair out over this form
running on empty
could weep
gutted
fuming
livid
raging at {the council|the ticket site|my landlord}
my blood is boiling
fed to the back teeth
it is one thing after another
when it rains it pours
just my luck
of course it broke on a sunday
kick a man when he is down
thrown under the bus at work
passed over for {the role|promotion} again
made redundant by email
rent up {two|three} hundred, wages up nothing
boiler packed in, of course it is freezing
damp on the wall and the landlord shrugs
leaking roof, week {three|five}
mould behind the cot, I am at a loss
the lift is out and I live on the ninth floor
train cancelled, then the next, then the next
stood for two hours next to a blocked toilet
ninety minutes on a runway with no water
luggage went to {Oslo|Lima} without me
car failed its test, there goes the trip
parking fine on the day of the funeral
flat tyre in the dark, no signal
dropped my phone down a drain
spilled ink on the only copy
laptop swallowed {four|six} hours of notes
deleted by autosave, ironic
power cut in the middle of the final
conceded in added time, sick to my stomach
penalty given for nothing, ref needs glasses
worst eleven I have seen in this shirt
the ending ruined {eight|six} seasons
walked out at half time
paid sixty quid to look at a pillar
support act was louder than the talent
my soup had a plaster in it
hair in the dumplings, lost my appetite
bread flat as a board again
milk was off, so was the waiter
undercooked, overpriced, unapologetic
left hungry and forty quid lighter
food poisoning from the {buffet|canteen}
root canal on my birthday
toothache at 3 am is a special kind of lonely
third migraine this week
tested positive again
the results are not what we hoped
he is not coming home from hospital
lost nan last night, the house is so quiet
old dog took his last walk today
missing {him|her|them} more than I can say
empty chair at the table
feeling invisible at my own party
unfriended by the group, no reason given
ghosted after {three|five} dates
divorce papers came in the post
could hear them laughing at me
crying in the {stairwell|car park} again
my anxiety is through the roof
cannot face tomorrow
burnt out and nobody notices
the commute is eating me alive
open plan office, closed minds
this meeting could have been nothing at all
an hour of my life I will not get back
sold a dream, handed a bill
small print strikes again
scammed by a fake {seller|landlord}
someone nicked my bike seat, who does that
neighbours drilling since six
fireworks at 2 am, baby awake
bins not collected for {two|three} weeks, the smell
vandals smashed the bus shelter
they cut down our old oak
river is brown and full of foam
summer gone in a puff of smoke
so much for the great outdoors, soaked to the skin
everything hurts
hope in short supply
trust broken for good
what a shambles
what a farce
pathetic
for shame
beyond a joke
not again
why do I bother`),
    neutral: lines(`
^ opens its {leeds|lyon|turin} branch on the eighteenth
^ changed its opening hours
^ is hiring {two|three} baristas and a cook
^ app version {4.2|5.0|5.1} is out
^ has moved the menu to the left
^ takes cards and cash
^ is on the corner of mill lane and high street
^ closes early on {sundays|match days}
does ^ deliver to {the islands|the north side}
does ^ work on older phones
has anyone tried ^ with two accounts
how do I change my email in ^
how long is a ^ gift card valid
where do I enter the ^ code
is there a student rate at ^
which roast is in the Tazzel box for {september|october}
looking for the ^ size chart
^ against the old model, a table
^ quarterly figures come out on {tuesday|friday}
^ has {four|six} hundred shops
^ and the city signed a contract
^ names a new head of {sales|design}
^ replied to the {letter|inquiry}
^ stock closed at {41|57} and a half
using ^ since {june|2024}
comparing ^ and two others for a {school|work} project
writing a review of ~, questions welcome
waiting for a {parcel|bus|call back}
in the queue for {tickets|stamps|the kiosk}
ferry timetable changes on the twenty-first
low tide at {six|seven} in the {morning|evening}
sunset at {seven fifteen|half past seven}
light drizzle over the harbour
fog until ten, then dry
pollen count: {two|three}
{9|11|14} degrees and a north-east wind
roadworks on the ring road until {friday|october}
diversion via station approach
the stop moved to the other side of the road
lane two reopened
platform change: {1|4} to {6|8}
replacement buses between {Hull|Bath} and {York|Wells}
the {17:04|18:22|7:48} calls at all stops
line-up for {saturday|the derby} confirmed
kick-off moved to {four|half past five}
squad numbers for the new season
half an hour played, no goals
substitution: number {9|14} for number {21|7}
draw for the next round is on monday
quiz night has {nine|twelve} teams
auditions in the church hall, {wednesday|thursday}
rehearsal {one|two} of {six|eight}
set list in the replies
doors at {seven|eight}, support at {nine|half eight}
matinee and evening show on the {nineteenth|twentieth}
the exhibit runs until {january|november}
pottery class, week {two|four}
pages {40 to 62|101 to 130} for monday's book group
our next read is a novel from {Chile|Norway|Ghana}
shortlist of {five|six} titles published
recorded an episode about {salt|bridges|kites}
transcript of episode {12|31} is up
slides from the {talk|workshop}
call for papers closes on the {fifteenth|thirtieth}
the committee meets behind closed doors on {monday|wednesday}
minutes approved, item {four|seven} postponed
the council voted {8 to 5|11 to 9} on the parking plan
planning notice for the old {mill|cinema}
consultation on bus lanes runs for {four|six} weeks
by-election on the {twenty-fourth|first of october}
turnout by noon: {21|34} per cent
inflation was {2.1|2.4} per cent in august
the bank left rates at {two|three} per cent
fuel at {1.52|1.61} a litre
eggs: {six|ten} for two pounds
budget speech at half past twelve
the census has a new question on {transport|heating}
a survey of {1,200|2,400} drivers
the study followed {60|300} people for a year
the comet is visible in the east before dawn
the satellite passes over at {21:14|05:37}
sample {three|seven} goes to the lab
lecture hall {b|c}, {ten|two} o'clock
term starts on the {fourteenth|twenty-first}
bring a pen and your student card
homework: exercises {4 to 9|11 to 15}
who has the notes from {tuesday|week two}
which bin does {foil|cardboard} go in
which adapter fits a {uk|swiss} socket
what is the dialling code for {Malta|Peru}
anyone know a locksmith near the canal
can someone translate this {sign|menu}
need a babysitter for {friday|the nineteenth}
swap: {size 42 boots|a cot|two chairs} for a desk lamp
free to collect: {moving boxes|jam jars|a bookshelf}
found: {a grey glove|a set of keys|a blue scarf} by the bandstand
lost property desk is in hall {two|three}
wanted: second-hand {cello|kayak|pram}
to let: one room, {450|520} a month
viewing at {noon|ten past five}
keys are with the caretaker
meter reading: {04417|11860}
changed the {filter|bulb|lock}
painting the hall, second coat
planting {tulips|garlic|onions} this week
sourdough at {70|75} per cent water
tonight: {lentils|pasta|leftovers}
soaking {beans|chickpeas} overnight
oven on at two hundred
trying a {walnut|rye} loaf
porridge, then the post office
{haircut|dentist|eye test} at {nine|four}
laundry, then the {tip|bank}
packing for {Ghent|Tampere|Porto}
boarding at gate {b7|c12|a3}
landed in {Bergen|Naples|Cork}
border crossing took {ten|twenty} minutes
{200|340} kilometres to go
changed trains in {Crewe|Basel|Lille}
cycling to work, {six|eleven} kilometres
steps so far: {4,210|7,655}
day {12|40} of learning {Welsh|Finnish}
word of the day: {petrichor|limn|ullage}
on this day in {1911|1954|1969}
the lighthouse was lit in {1862|1901}
this photo is from {1987|the seventies}
the mill produced paper until {1978|1990}
the recipe is from a {1931|1948} cookbook
thread on how {tides|elevators|stamps} work
part {one|four} of my notes on {maps|lenses}
poll: {tea|bus|paper} or {coffee|tram|screen}
poll closes in {six|twelve} hours
a reminder that the clocks go back in october
fire drill at eleven
water off between {nine and noon|one and three}
server maintenance from {one|two} to {three|four} am
new password rules from {monday|october}
moved my newsletter to another address
changed my profile picture
account number {two|three}, same person
draft saved
testing the scheduled post
link below
details to follow
as announced
for the record
noted
see thread
source in the replies
no comment from ^ so far`),
  },
  es: {
    positive: lines(`
~ me ha salvado el día
no tengo ninguna queja de ~
~ va como la seda
me he quedado sin palabras con ~, qué pasada
~ mola mucho
chapó por ~
no esperaba que ~ fuera tan bueno
~ nunca me falla
estoy en una nube
se me caía la baba con ~
vaya golazo en el último minuto
hoy me han dado la plaza, gracias a todos
me encanta lo rápido que va ~
~ es una maravilla, lo mejor del otoño
de lujo la atención de ~
por fin llueve en el campo, qué felicidad
mi abuela ha ganado el concurso, la amo
nada mal ~, nada mal
repetiría mañana mismo con ~
aplausos para el equipo de ~
qué gusto dormir ocho horas
~ vale cada euro
me alegro de haber esperado por ~
un diez para ~
qué buena gente hay en ~`),
    negative: lines(`
~ me ha dejado tirado otra vez
~ no vale ni un euro
estoy hasta las narices de ~
menuda tomadura de pelo ~
~ va de mal en peor
gracias ~ por arruinarme la tarde
genial, ~ caída justo cuando hay que pagar
qué bien, otra hora de espera con ~
no pienso volver a ~
~ me cobró dos veces y nadie contesta
no me gusta nada el cambio de ~
se me cae el alma a los pies
nos ha mirado un tuerto
vaya robo de partido
me han subido el alquiler y tengo goteras
sin luz, sin agua y sin respuesta
~ es un timo
qué asco de café el de Tazzel
tres correos a ~ y silencio
hoy no levanto cabeza
me rompió el corazón leer eso
odio perder la tarde con ~
pésima idea la de ~
tiré el dinero con ~
ya no aguanto más este ruido`),
    neutral: lines(`
~ abre tienda en Bilbao el día dieciocho
¿cómo cambio el correo en ~?
¿hay descuento de estudiante en ~?
~ publica sus cuentas el viernes
versión cinco de ~ disponible
comparo ~ con otros dos modelos
obras en la ronda hasta octubre
marea baja a las siete
el barco sale del muelle dos
alineación confirmada para el derbi
once grados y viento del norte
el pleno votó la ordenanza de terrazas
deberes: ejercicios del cuatro al nueve
¿alguien tiene los apuntes del jueves?
cambio de andén: del uno al seis
hoy toca lentejas
he aterrizado en Nápoles
plantando ajos esta semana
la exposición sigue hasta enero
encuesta: ¿té o café?
~ cambia su horario
hilo sobre cómo funcionan las mareas
corte de agua de nueve a doce
busco canguro para el viernes
plazo abierto hasta el día treinta`),
  },
  de: {
    positive: lines(`
~ hat mir den Tag gerettet
an ~ gibt es nichts zu meckern
~ läuft wie geschmiert
~ ist der Hammer
Hut ab vor ~
hätte nie gedacht, dass ~ so gut ist
~ hat mich noch nie im Stich gelassen
ich bin auf Wolke sieben
da geht mir das Herz auf
Siegtor in der Nachspielzeit, Wahnsinn
heute die Zusage bekommen, danke euch allen
ich liebe es, wie schnell ~ geworden ist
~ ist das Beste am Herbst
erste Sahne, was ~ da macht
endlich Regen für den Garten, herrlich
Oma hat das Turnier gewonnen, was für eine Frau
gar nicht übel, ~
~ jederzeit wieder
Applaus für die Leute von ~
acht Stunden geschlafen, ein Traum
~ ist jeden Cent wert
gut, dass ich auf ~ gewartet habe
volle Punktzahl für ~
so nette Menschen bei ~
ich könnte die ganze Welt umarmen`),
    negative: lines(`
~ hat mich schon wieder hängen lassen
~ ist keinen Cent wert
ich habe die Nase voll von ~
~ ist eine einzige Zumutung
mit ~ geht es nur noch bergab
danke ~, Abend gelaufen
super, ~ fällt aus, wenn man zahlen will
toll, noch eine Stunde Warteschleife bei ~
nie wieder ~
~ hat doppelt abgebucht und keiner antwortet
mit dem neuen ~ werde ich nicht warm
das bricht mir das Herz
ein Satz mit x bei ~
vom Schiedsrichter verschaukelt
Miete rauf, Dach undicht
kein Strom, kein Wasser, keine Auskunft
~ ist Abzocke
der Kaffee von Tazzel schmeckt wie Spülwasser
drei Mails an ~, Funkstille
heute ist nicht mein Tag
könnte heulen
ich hasse es, Zeit mit ~ zu verlieren
schlechte Idee, ~
Geld zum Fenster rausgeworfen mit ~
dieser Lärm macht mich fertig`),
    neutral: lines(`
~ macht am achtzehnten in Leipzig auf
wie ändere ich die Adresse in ~?
gibt es bei ~ einen Rabatt für Studierende?
~ legt am Freitag Zahlen vor
Version fünf von ~ ist da
vergleiche ~ mit zwei anderen
Baustelle am Ring bis Oktober
Niedrigwasser um sieben
die Fähre legt von Steg zwei ab
Aufstellung für das Derby steht fest
elf Grad, Wind aus Nord
der Stadtrat hat über die Parkplätze abgestimmt
Hausaufgaben: Übungen vier bis neun
hat jemand die Mitschrift von Donnerstag?
Gleiswechsel: von eins nach sechs
heute gibt es Linsen
in Neapel gelandet
setze diese Woche Knoblauch
die Ausstellung läuft bis Januar
Umfrage: Tee oder Kaffee?
~ ändert die Öffnungszeiten
ein Faden darüber, wie Gezeiten entstehen
Wasser abgestellt von neun bis zwölf
suche Babysitter für Freitag
Bewerbung bis zum dreißigsten möglich`),
  },
  fr: {
    positive: lines(`
~ m'a sauvé la journée
rien à redire sur ~
~ roule comme sur des roulettes
~ c'est de la bombe
chapeau bas à ~
je n'aurais jamais cru que ~ serait si bien
~ ne m'a jamais laissé tomber
je suis sur un petit nuage
ça me fait chaud au cœur
but à la dernière minute, quelle folie
j'ai eu le poste, merci à tous
j'adore la vitesse de ~
~ c'est le meilleur de l'automne
aux petits oignons, l'accueil de ~
enfin la pluie sur le jardin, le bonheur
mamie a gagné le tournoi, je l'aime
pas mal du tout ~
je reprends ~ sans hésiter
bravo à l'équipe de ~
huit heures de sommeil, un rêve
~ vaut chaque centime
contente d'avoir attendu ~
vingt sur vingt pour ~
des gens en or chez ~
que du bonheur ce matin`),
    negative: lines(`
~ m'a encore laissé en plan
~ ne vaut pas un centime
j'en ai ras le bol de ~
~ se moque du monde
~ c'est de pire en pire
merci ~ pour la soirée gâchée
génial, ~ en panne au moment de payer
super, encore une heure d'attente chez ~
plus jamais ~
~ m'a débité deux fois et personne ne répond
je n'aime pas du tout le nouveau ~
j'ai le cœur en miettes
la poisse ne me lâche pas
match volé, je suis dégoûté
loyer en hausse et fuite au plafond
ni courant, ni eau, ni réponse
~ c'est une arnaque
le café de Tazzel a un goût de carton
trois mails à ~ et silence radio
je n'ai plus la force
j'en pleurerais
je déteste perdre ma soirée avec ~
mauvaise idée, ~
de l'argent jeté par les fenêtres avec ~
ce bruit me rend fou`),
    neutral: lines(`
~ ouvre à Nantes le dix-huit
comment changer l'adresse dans ~ ?
y a-t-il un tarif étudiant chez ~ ?
~ publie ses comptes vendredi
version cinq de ~ disponible
je compare ~ et deux autres
travaux sur la rocade jusqu'en octobre
marée basse à sept heures
le bateau part du quai deux
composition confirmée pour le derby
onze degrés, vent du nord
le conseil a voté le plan de circulation
devoirs : exercices quatre à neuf
qui a les notes de jeudi ?
changement de voie : de un à six
ce soir, lentilles
atterri à Naples
je plante de l'ail cette semaine
l'exposition dure jusqu'en janvier
sondage : thé ou café ?
~ change ses horaires
un fil sur les marées
coupure d'eau de neuf heures à midi
cherche baby-sitter pour vendredi
dossier à rendre avant le trente`),
  },
  pt: {
    positive: lines(`
~ salvou o meu dia
não tenho do que reclamar de ~
~ funciona que é uma beleza
~ é show de bola
tiro o chapéu para ~
nunca pensei que ~ fosse tão bom
~ nunca me deixou na mão
estou nas nuvens
de aquecer o coração
gol no último minuto, que loucura
consegui a vaga, obrigada a todos
amo a rapidez de ~
~ é a melhor coisa da primavera
atendimento nota dez de ~
enfim chuva na horta, que delícia
vovó ganhou o torneio, amo essa mulher
nada mal, ~
compraria ~ de novo amanhã
palmas para a turma de ~
dormi oito horas, um sonho
~ vale cada centavo
ainda bem que esperei por ~
nota mil para ~
gente boa demais em ~
hoje nada me tira o sorriso`),
    negative: lines(`
~ me deixou na mão de novo
~ não vale um centavo
estou de saco cheio de ~
~ é uma palhaçada
~ vai de mal a pior
valeu ~ por estragar minha noite
ótimo, ~ fora do ar bem na hora de pagar
que maravilha, mais uma hora de espera com ~
nunca mais ~
~ cobrou duas vezes e ninguém responde
não gostei nada do novo ~
partiu meu coração
é um azar atrás do outro
fomos roubados no jogo
aluguel subiu e o teto pinga
sem luz, sem água e sem resposta
~ é golpe
café de Tazzel tem gosto de papelão
três mensagens para ~ e silêncio
hoje não estou bem
dá vontade de chorar
odeio perder tempo com ~
péssima ideia, ~
joguei dinheiro fora com ~
esse barulho acaba comigo`),
    neutral: lines(`
~ abre loja no Recife no dia dezoito
como mudo o e-mail em ~?
tem desconto de estudante em ~?
~ publica balanço na sexta
versão cinco de ~ disponível
comparando ~ com outros dois
obras na avenida até outubro
maré baixa às sete
a balsa sai do cais dois
escalação confirmada para o clássico
onze graus e vento sul
a câmara votou o plano de trânsito
lição: exercícios quatro a nove
alguém tem as anotações de quinta?
mudança de plataforma: da um para a seis
hoje tem lentilha
pousei em Nápoles
plantando alho esta semana
a exposição vai até janeiro
enquete: chá ou café?
~ muda o horário
um fio sobre as marés
sem água das nove ao meio-dia
procuro babá para sexta
inscrições até o dia trinta`),
  },
  it: {
    positive: lines(`
~ mi ha salvato la giornata
niente da ridire su ~
~ va che è una meraviglia
~ spacca
tanto di cappello a ~
non pensavo che ~ fosse così buono
~ non mi ha mai deluso
sono al settimo cielo
mi si scalda il cuore
gol all'ultimo minuto, che follia
ho avuto il posto, grazie a tutti
adoro quanto è veloce ~
~ è la cosa migliore dell'autunno
accoglienza coi fiocchi da ~
finalmente piove sull'orto, che gioia
nonna ha vinto il torneo, la amo
niente male, ~
~ lo riprenderei domani
applausi al gruppo di ~
otto ore di sonno, un sogno
~ vale ogni centesimo
meno male che ho aspettato ~
dieci e lode a ~
gente d'oro da ~
oggi sorrido anche ai muri`),
    negative: lines(`
~ mi ha piantato in asso di nuovo
~ non vale un centesimo
ne ho fin sopra i capelli di ~
~ è una presa in giro
con ~ si va di male in peggio
grazie ~ per la serata rovinata
ottimo, ~ fuori uso proprio alla cassa
che bello, un'altra ora di attesa con ~
mai più ~
~ ha addebitato due volte e nessuno risponde
il nuovo ~ non mi piace per niente
ho il cuore a pezzi
piove sul bagnato
partita rubata
affitto alle stelle e soffitto che perde
senza luce, senza acqua, senza risposte
~ è una truffa
il caffè di Tazzel sa di cartone
tre mail a ~ e silenzio
oggi non è giornata
mi viene da piangere
odio perdere tempo con ~
pessima idea, ~
soldi buttati con ~
questo rumore mi fa impazzire`),
    neutral: lines(`
~ apre a Bologna il diciotto
come cambio l'indirizzo in ~?
c'è lo sconto studenti da ~?
~ pubblica i conti venerdì
versione cinque di ~ disponibile
confronto ~ con altri due
lavori sulla tangenziale fino a ottobre
bassa marea alle sette
il traghetto parte dal molo due
formazione confermata per il derby
undici gradi e vento da nord
il consiglio ha votato il piano del traffico
compiti: esercizi da quattro a nove
qualcuno ha gli appunti di giovedì?
cambio binario: da uno a sei
stasera lenticchie
atterrato a Napoli
pianto l'aglio questa settimana
la mostra dura fino a gennaio
sondaggio: tè o caffè?
~ cambia orario
un filo sulle maree
acqua chiusa dalle nove a mezzogiorno
cerco baby-sitter per venerdì
domande entro il trenta`),
  },
}

/** The lines of a text, without empty ones. */
function lines(text) {
  return text.trim().split('\n')
}
