/**
 * The training bank: one phrase a line, written for this project. `~` stands for what the tweet is about, `{a|b}` for one
 * of its choices. Nothing of it (but everyday words) is in the evaluation bank.
 */
export const products = ['Orbena', 'Fennwick', 'Skarlo']
export const handles = ['orbena_app', 'fennwickhq', 'skarlo']
export const things = lines(`
the new bakery
my train
this phone
the gym
our hotel room
that film
the exam
my new job
this album
the museum
the pizza place
my laptop
the football match
this game
the weather app
our garden
the dentist
my bike
the concert
the school play`)

export const phrases = {
  en: {
    positive: lines(`
~ is so good
~ is really great
~ made me happy {today|this week}
~ was a lovely surprise
I love ~
I really love ~
loving ~ so much
~ is the best thing {this year|this month}
~ works perfectly now
so happy with ~
very happy with ~
~ is awesome
~ is beautiful
~ was amazing
~ was fantastic from start to finish
~ is excellent
what a great {day|evening|morning}
had a wonderful time with {my sister|old friends|the kids}
best {coffee|dinner|breakfast} in a long time
thank you so much for the help
thanks to everyone who came
so proud of {my brother|our team|my students}
feeling good {today|tonight|about this}
feeling great after {a run|a long walk|yoga}
I am over the moon
cloud nine right now
good news at last
great news from {the doctor|my boss|the bank}
finally passed {my driving test|the exam|chemistry}
we won and I am so happy
the sun is out and life is good
such a nice {person|place|surprise}
smiling all the way home
best birthday ever
cannot stop laughing at {this|that joke|my cat}
got the job
got the flat we wanted
my plants are finally growing
{the kids|my parents} loved it
would recommend ~ to everyone
~ was worth the wait
~ was worth the money
~ gets better every day
~ is super easy to use
~ looks stunning
~ tastes delicious
~ is cute
~ is my favourite
~ is a perfect gift
~ deserves all the praise
five stars for ~
~ has the friendliest staff
great service at ~
fast delivery and nicely packed
really enjoyed ~
enjoying ~ with {a cup of tea|my family}
excited about ~
so excited for {the weekend|tomorrow|our trip}
cannot wait for {summer|the holidays|friday}
looking forward to ~
~ makes life easier
~ makes me smile
well done to everyone at ~
congratulations to {my cousin|the whole class|you both}
what a sweet message
the view from here is beautiful
sweet dreams everyone, today was lovely
I am grateful for {my friends|this day|you}
blessed and thankful
~ is a lot of fun
so much fun at ~
that was fun
nice work by ~
impressed by ~
~ impressed me
lovely people at ~
~ is comfortable and warm
~ is brilliant
brilliant idea from ~
wow, ~ is gorgeous
~ is super fast
~ is reliable and cheap
my {back|knee|head} feels better
feel better already
today is a good day
a good start to the week
{monday|tuesday|friday} could not be nicer
good vibes only
good food and good friends
delicious {soup|cake|curry} for lunch
love this weather
love this song
love the new colours
love how quiet it is here
love you all
in love with ~
my heart is full
happy tears
so relieved that it worked
problem solved in five minutes, thank you
the refund came quickly, thanks
they fixed it for free
the nurse was so kind
the teacher was so patient with us
the band was on fire
goosebumps during the last song
what a goal
what a match, we played so well
proud and happy
finished my first {marathon|novel|painting}
new personal best
sleeping so well these days
finally a holiday
the beach was perfect
snow day and hot chocolate
{grandma's|mum's} cake is the best
adopted a kitten and I am in love
my dog is the sweetest
welcome home, little one
she said yes
ten years together today, so lucky
lucky to have {you|this team}
best decision ever
glad I bought ~
glad we came
glad to be back
nothing beats ~
nothing but good things to say about ~
a pleasure to work with ~
a big thank you to ~
hats off to ~
~ rocks
~ is cool
~ is a winner
~ is a dream
cool update from ~
the new version is much better
nice and clean design
sounds great
looks great on you
well worth a visit
great value
so cozy in here
peaceful morning by the lake
perfect evening
perfect timing
yay, it is {friday|here|done}
hooray for ~
woohoo, ~ is here
finally some peace and joy
top quality
wonderful memories
a charming little place
the kindest people work here
super sweet of them to call back`),
    negative: lines(`
~ is so bad
~ is really terrible
~ made me angry {today|this week}
~ was a big disappointment
I hate ~
I really hate ~
hating ~ so much
~ is the worst thing {this year|this month}
~ does not work any more
so unhappy with ~
very disappointed by ~
~ is awful
~ is ugly
~ was horrible
~ was boring from start to finish
~ is rubbish
what a terrible {day|evening|morning}
had a horrible time at {the airport|work|the office}
worst {coffee|dinner|breakfast} in a long time
no help at all from ~
nobody came and I am sad
so ashamed of {our team|this company|myself}
feeling sick {today|tonight|about this}
feeling terrible after {that call|lunch|the flight}
down in the dumps
under the weather and alone
bad news again
bad news from {the doctor|my boss|the bank}
failed {my driving test|the exam|chemistry} again
we lost and I am so sad
it has rained all day and I am miserable
such a rude {person|place|waiter}
cried all the way home
worst birthday ever
cannot stop crying
lost my job
lost my keys again
my plants are all dead
{the kids|my parents} hated it
would never recommend ~
~ was a waste of time
~ was a waste of money
~ gets worse every day
~ is impossible to use
~ looks horrible
~ tastes disgusting
~ is annoying
~ is a joke
~ is a nightmare
~ deserves all the complaints
one star for ~
~ has the rudest staff
terrible service at ~
late delivery and the box was broken
did not enjoy ~
tired of ~
sick of ~
so nervous about {tomorrow|the results|the trip}
dreading {monday|the meeting|winter}
fed up with ~
~ makes life harder
~ makes me cry
shame on ~
sorry for {my cousin|the whole class|your loss}
what a nasty message
the smell in here is disgusting
no sleep again, today was awful
I am so stressed about {money|this day|work}
sad and tired
~ is no fun
no fun at ~
that was painful
poor work by ~
shocked by ~
~ let me down
horrible people at ~
~ is uncomfortable and cold
~ is useless
stupid idea from ~
ugh, ~ is ugly
~ is super slow
~ is broken again
my {back|knee|head} hurts
feel worse than yesterday
today is a bad day
a bad start to the week
{monday|tuesday|sunday} could not be worse
bad vibes only
bad food and loud people
cold {soup|pizza|curry} for lunch
hate this weather
hate this song
hate the new colours
hate how loud it is here
I miss you all
heartbroken by ~
my heart is broken
angry tears
so upset that it failed
three hours on the phone and no answer
still no refund, so angry
they broke it and will not pay
the nurse was so rude
the teacher shouted at us
the band was out of tune
fell asleep during the last song
what a stupid mistake
what a match, we played so badly
sad and lonely
gave up on my {marathon|novel|painting}
my leg is broken
sleeping so badly these days
no holiday this year
the beach was dirty
snow everywhere and no heating
{the|my} cake is burnt
my cat died this morning
my dog is very ill
goodbye, little one
she said no
we broke up today
unlucky again
worst decision ever
I regret buying ~
I wish we had stayed at home
I want to go home
nothing works at ~
nothing but bad things to say about ~
a pain to work with ~
a big no to ~
avoid ~
~ sucks
~ is a fail
~ is a mess
~ is a lie
stupid update from ~
the new version is much worse
ugly and slow design
sounds terrible
looks cheap
not worth a visit
way too expensive
so cold in here
noisy morning by the road
ruined evening
wrong size again
ugh, it is {monday|broken|late}
boo to ~
argh, ~ is down
so much pain and no doctor
poor quality
terrible memories
a dirty little place
the meanest people work here
they hung up on me, so rude
stolen bike, thanks to nobody
my wallet got stolen
stuck in {traffic|the lift|the rain}`),
    neutral: lines(`
~ opens at {nine|ten|noon} {today|tomorrow}
~ closes at {six|eight|midnight}
does anyone know when ~ starts
does anybody have a link to ~
where can I find ~
what time is ~
who is going to ~
~ is next to the station
~ is on the second floor
~ moved to {another street|a new building|tuesday}
~ is on {monday|thursday} at {three|five}
~ starts at {seven|eight} {tonight|tomorrow}
on my way to {the office|the shop|school}
just arrived at ~
reading about ~
watching ~ on tv
listening to the radio
at {home|work|school} now
meeting at {nine|ten|eleven} in room {four|seven|twelve}
the report is due on {monday|wednesday}
the bus leaves from platform {two|five|nine}
the shop sells {bread and milk|paper and pens|shoes}
new post on the blog
here is the list for {today|the week}
here are the results of {round one|the vote|the survey}
{two|three|four} tickets left for ~
looking for a {room|used car|second table}
selling my {old desk|winter coat|guitar}
for sale: a {blue chair|small table|red lamp}
the city council meets on {tuesday|thursday}
the mayor spoke at {noon|the town hall}
the library has {new opening hours|a book sale|a reading room}
{rain|clouds|wind} expected in the {north|south|west}
{twelve|fifteen|nineteen} degrees at {noon|six}
the road is closed between {eight and ten|the bridge and the park}
the price of {milk|bread|fuel} was {one|two} euros
the company has {ten|fifty|two hundred} employees
the film is {ninety|a hundred and ten} minutes long
the game ended {two two|one one|nil nil}
half time: {one one|nil nil}
is this seat taken
which {bus|train|tram} goes to the {airport|museum|stadium}
how many pages is the report
how long does the trip take
can somebody send me the file
please call {before noon|after six}
please fill in the form
I have a question about ~
question: what is the size of ~
the answer is on page {three|nine|forty}
I bought {milk|apples|two stamps}
I had {rice|eggs|soup} for {lunch|dinner}
making {tea|lunch|a list}
cleaning the {kitchen|car|windows}
washing day
taking the {bus|tram|train} {today|this week}
working from home {today|this week}
going to ~ {today|tomorrow|this week}
back at {work|school|the desk}
moving to {another desk|a new flat} in {may|june}
the class has {twenty|thirty} students
the course takes {six|eight} weeks
the book has {ten|fourteen} chapters
chapter {two|five|eleven}
episode {three|six|nine}
part {two|three} of the series
version {two|three} has a new menu
~ has a new logo
~ has a new website
~ announced a new date
~ announced the programme for {may|june|the season}
~ will be shown on {sunday|monday}
~ costs {ten|twenty|thirty} euros
~ comes in {blue and grey|two sizes|a box}
~ weighs {two|three} kilos
~ is made in {spain|poland|china}
according to {the news|the paper|the website} ~ is open
{the minister|a spokesman|the director} answered questions
the train from {the coast|the capital} arrives at {four|six}
flight at {seven|eight|noon}, gate {three|twelve}
the museum shows {old maps|photographs|coins}
the {north|south|east} entrance is open
turn left at the {church|bank|bakery}
map of the {city|park|station}
{tuesday|wednesday}: {swimming|chess|choir}
timetable for the {week|winter|summer}
list of speakers for {monday|friday}
reminder: {the meeting|the deadline|the call} is {today|tomorrow}
minutes of the meeting are online
the survey has {five|twelve} questions
{forty|sixty|eighty} percent voted
about {two|three} hundred people took part
the bridge was built in {1932|1958|1974}
the school was founded in {1890|1921}
born in {march|july|october}
the moon is {full|new} {tonight|tomorrow}
the clock changes on sunday
it is {seven|eight|nine} o'clock
today is {tuesday|wednesday|the tenth}
the letter came by post
the parcel is at the neighbour's
I changed my {number|address|password}
my new address is on the card
updating my {profile|phone|calendar}
charging my {phone|bike|laptop}
testing, {one two|one two three}
first tweet from {my phone|the office}
following {the vote|the debate|the launch}
photo of ~
picture from ~
video of the {talk|meeting|game}
recipe: {onions, rice, water|eggs, flour, milk}
{two|three} spoons of sugar
the paint is {blue|white|grey}
the room is {four by five|three by four} metres
there is a {bank|chemist|market} on the corner
the market is on {saturday|thursday}
there are {six|eleven} stops to the centre
the form has {two|three} pages
the door code has changed
the office is closed on {monday|friday}
the next {bus|ferry|train} is at {ten past|half past|twenty to}
who plays {tonight|on sunday}
what is the name of {that song|the street|this plant}
is ~ open on {sunday|monday}
is there a {printer|car park|cash machine} near ~
do I need a ticket for ~
did ~ change its {hours|name|number}
has anyone read about ~
anyone from ~ here
what do you use for {notes|maps|photos}
which size do you have
how do you spell that
where do I send the form
when is the {deadline|next meeting|last bus}
same place, same time
see page {two|nine}
see you at {six|the station|the office}
more {on monday|in the next post|at ten}
to be continued
now playing: {the evening news|a documentary|side two}
currently reading chapter {two|four|seven}
the team travels on {friday|saturday}
the team trains at {nine|ten}
the vote is on {sunday|the fifth}
the course is in room {two|nine}
applications are open until {june|friday}
interview with ~ at {nine|noon}
~ talks about {maps|water|schools} at {six|seven}
{blue|green|yellow} line: every {ten|twelve} minutes`),
  },
  es: {
    positive: lines(`
me encanta ~
~ es muy bueno
qué día tan bonito
estoy muy feliz {hoy|esta semana}
~ es lo mejor
muchas gracias por la ayuda
una comida deliciosa con {mi familia|los amigos}
qué alegría verte
ganamos, qué emoción
~ funciona perfecto
estoy enamorada de ~
un servicio excelente en ~
~ me hizo sonreír
buenas noticias por fin
la fiesta fue maravillosa
todo salió bien
recomiendo ~ a todos
qué lindo gesto
feliz cumpleaños, te quiero
gran trabajo de ~
me gusta mucho ~
vale la pena ~
aprobé el examen
mi perro es un amor
la mejor {noche|tarde|película} del año`),
    negative: lines(`
odio ~
~ es muy malo
qué día tan horrible
estoy muy triste {hoy|esta semana}
~ es lo peor
nadie me ayuda con ~
una comida asquerosa en {el hotel|la estación}
qué pena, perdimos
~ no funciona
estoy harta de ~
un servicio pésimo en ~
~ me hizo llorar
malas noticias otra vez
la fiesta fue un desastre
todo salió mal
no recomiendo ~ a nadie
qué vergüenza de ~
me duele la cabeza
perdí {el tren|las llaves|el trabajo}
mal trabajo de ~
no me gusta ~
una pérdida de tiempo ~
suspendí el examen
mi perro está enfermo
la peor {noche|tarde|película} del año`),
    neutral: lines(`
~ abre a las {nueve|diez}
¿a qué hora empieza ~?
~ está al lado de la estación
el tren sale a las {seis|ocho}
reunión en la sala {dos|cinco}
¿alguien sabe dónde está ~?
leyendo sobre ~
en casa, viendo la tele
~ cuesta {diez|veinte} euros
el museo cierra los lunes
mañana voy a ~
el informe es para el {martes|jueves}
busco piso en el centro
vendo una mesa pequeña
lista de la compra: pan y leche
la película dura dos horas
el autobús va al aeropuerto
la calle está cortada hasta las diez
¿qué autobús va a ~?
según el periódico, ~ cambia de fecha
nuevo horario de la biblioteca
el partido es el {domingo|sábado}
capítulo {tres|siete}
en camino a ~
hoy es {martes|miércoles}`),
  },
  de: {
    positive: lines(`
ich liebe ~
~ ist richtig gut
was für ein schöner Tag
ich bin so glücklich {heute|diese Woche}
~ ist das Beste
vielen Dank für die Hilfe
leckeres Essen mit {der Familie|Freunden}
so schön, dich zu sehen
wir haben gewonnen, ich freue mich
~ läuft perfekt
bin ganz verliebt in ~
toller Service bei ~
~ hat mich zum Lachen gebracht
endlich gute Nachrichten
die Feier war wunderbar
alles hat geklappt
~ kann ich allen empfehlen
so eine nette Geste
alles Gute zum Geburtstag, hab dich lieb
super Arbeit von ~
~ gefällt mir sehr
~ lohnt sich
Prüfung bestanden
mein Hund ist ein Schatz
der beste {Abend|Film|Kuchen} seit langem`),
    negative: lines(`
ich hasse ~
~ ist richtig schlecht
was für ein schrecklicher Tag
ich bin so traurig {heute|diese Woche}
~ ist das Schlimmste
keiner hilft mir mit ~
ekliges Essen {im Hotel|am Bahnhof}
schade, wir haben verloren
~ funktioniert nicht
ich habe ~ satt
furchtbarer Service bei ~
~ hat mich zum Weinen gebracht
schon wieder schlechte Nachrichten
die Feier war eine Katastrophe
alles ging schief
~ kann ich niemandem empfehlen
eine Schande, ~
mir tut der Kopf weh
{den Zug|den Schlüssel|die Stelle} verloren
schlechte Arbeit von ~
~ gefällt mir gar nicht
~ ist Zeitverschwendung
Prüfung nicht bestanden
mein Hund ist krank
der schlimmste {Abend|Film|Kuchen} seit langem`),
    neutral: lines(`
~ öffnet um {neun|zehn}
wann fängt ~ an?
~ ist neben dem Bahnhof
der Zug fährt um {sechs|acht}
Besprechung in Raum {zwei|fünf}
weiß jemand, wo ~ ist?
lese gerade über ~
zu Hause, Fernseher läuft
~ kostet {zehn|zwanzig} Euro
das Museum hat montags geschlossen
morgen gehe ich zu ~
der Bericht ist bis {Dienstag|Donnerstag} fällig
suche eine Wohnung im Zentrum
verkaufe einen kleinen Tisch
Einkaufsliste: Brot und Milch
der Film dauert zwei Stunden
der Bus fährt zum Flughafen
die Straße ist bis zehn gesperrt
welcher Bus fährt zu ~?
laut Zeitung hat ~ ein neues Datum
neue Öffnungszeiten der Bücherei
das Spiel ist am {Sonntag|Samstag}
Kapitel {drei|sieben}
unterwegs zu ~
heute ist {Dienstag|Mittwoch}`),
  },
  fr: {
    positive: lines(`
j'adore ~
~ est vraiment bien
quelle belle journée
je suis trop heureuse {aujourd'hui|cette semaine}
~ est ce qu'il y a de mieux
merci beaucoup pour votre aide
un repas délicieux avec {ma famille|les amis}
quel plaisir de te voir
on a gagné, quelle joie
~ marche parfaitement
je suis amoureuse de ~
un service excellent chez ~
~ m'a fait sourire
enfin une bonne nouvelle
la fête était merveilleuse
tout s'est bien passé
je recommande ~ à tous
quel joli geste
joyeux anniversaire, je t'aime
beau travail de ~
j'aime beaucoup ~
~ vaut le coup
examen réussi
mon chien est un amour
{la meilleure soirée|le meilleur film} de l'année`),
    negative: lines(`
je déteste ~
~ est vraiment mauvais
quelle journée horrible
je suis trop triste {aujourd'hui|cette semaine}
~ est ce qu'il y a de pire
personne ne m'aide avec ~
un repas dégoûtant {à l'hôtel|à la gare}
dommage, on a perdu
~ ne marche pas
j'en ai marre de ~
un service nul chez ~
~ m'a fait pleurer
encore une mauvaise nouvelle
la fête était un désastre
tout s'est mal passé
je ne recommande ~ à personne
quelle honte, ~
j'ai mal à la tête
j'ai perdu {mes clés|mon travail}
mauvais travail de ~
je n'aime pas ~
~ est une perte de temps
examen raté
mon chien est malade
{la pire soirée|le pire film} de l'année`),
    neutral: lines(`
~ ouvre à {neuf|dix} heures
à quelle heure commence ~ ?
~ est à côté de la gare
le train part à {six|huit} heures
réunion en salle {deux|cinq}
quelqu'un sait où est ~ ?
je lis un article sur ~
à la maison, devant la télé
~ coûte {dix|vingt} euros
le musée ferme le lundi
demain je vais à ~
le rapport est pour {mardi|jeudi}
je cherche un appartement au centre
je vends une petite table
liste de courses : pain et lait
le film dure deux heures
le bus va à l'aéroport
la rue est fermée jusqu'à dix heures
quel bus va à ~ ?
selon le journal, ~ change de date
nouveaux horaires de la bibliothèque
le match est {dimanche|samedi}
chapitre {trois|sept}
en route pour ~
aujourd'hui c'est {mardi|mercredi}`),
  },
  pt: {
    positive: lines(`
eu amo ~
~ é muito bom
que dia lindo
estou tão feliz {hoje|esta semana}
~ é o melhor de todos
muito obrigada pela ajuda
comida deliciosa com {a família|os amigos}
que alegria te ver
ganhamos, que emoção
~ funciona perfeitamente
estou apaixonada por ~
atendimento excelente em ~
~ me fez sorrir
finalmente uma boa notícia
a festa foi maravilhosa
deu tudo certo
recomendo ~ para todos
que gesto bonito
feliz aniversário, te amo
ótimo trabalho de ~
gosto muito de ~
~ vale a pena
passei na prova
meu cachorro é um amor
{a melhor noite|o melhor filme} do ano`),
    negative: lines(`
eu odeio ~
~ é muito ruim
que dia horrível
estou tão triste {hoje|esta semana}
~ é o pior de todos
ninguém me ajuda com ~
comida nojenta {no hotel|na estação}
que pena, perdemos
~ não funciona
estou cansada de ~
atendimento péssimo em ~
~ me fez chorar
mais uma má notícia
a festa foi um desastre
deu tudo errado
não recomendo ~ para ninguém
que vergonha, ~
estou com dor de cabeça
perdi {o trem|as chaves|o emprego}
péssimo trabalho de ~
não gosto de ~
~ é perda de tempo
reprovei na prova
meu cachorro está doente
{a pior noite|o pior filme} do ano`),
    neutral: lines(`
~ abre às {nove|dez}
que horas começa ~?
~ fica ao lado da estação
o trem sai às {seis|oito}
reunião na sala {dois|cinco}
alguém sabe onde fica ~?
lendo sobre ~
em casa, vendo televisão
~ custa {dez|vinte} reais
o museu fecha na segunda
amanhã vou para ~
o relatório é para {terça|quinta}
procuro apartamento no centro
vendo uma mesa pequena
lista de compras: pão e leite
o filme tem duas horas
o ônibus vai para o aeroporto
a rua está fechada até as dez
qual ônibus vai para ~?
segundo o jornal, ~ muda de data
novo horário da biblioteca
o jogo é no {domingo|sábado}
capítulo {três|sete}
a caminho de ~
hoje é {terça|quarta}`),
  },
  it: {
    positive: lines(`
adoro ~
~ è davvero buono
che bella giornata
sono così felice {oggi|questa settimana}
~ è il massimo
grazie mille per l'aiuto
cibo delizioso con {la famiglia|gli amici}
che gioia vederti
abbiamo vinto, che emozione
~ funziona benissimo
sono innamorata di ~
servizio eccellente da ~
~ mi ha fatto sorridere
finalmente una bella notizia
la festa è stata meravigliosa
è andato tutto bene
consiglio ~ a tutti
che gesto carino
buon compleanno, ti voglio bene
ottimo lavoro di ~
mi piace molto ~
~ vale la pena
esame superato
il mio cane è un amore
{la serata migliore|il film migliore} dell'anno`),
    negative: lines(`
odio ~
~ è davvero brutto
che giornata orribile
sono così triste {oggi|questa settimana}
~ è il peggio
nessuno mi aiuta con ~
cibo schifoso {in albergo|alla stazione}
peccato, abbiamo perso
~ non funziona
sono stufa di ~
servizio pessimo da ~
~ mi ha fatto piangere
un'altra brutta notizia
la festa è stata un disastro
è andato tutto male
non consiglio ~ a nessuno
che vergogna, ~
mi fa male la testa
ho perso {il treno|le chiavi|il lavoro}
pessimo lavoro di ~
non mi piace ~
~ è una perdita di tempo
esame non superato
il mio cane è malato
{la serata peggiore|il film peggiore} dell'anno`),
    neutral: lines(`
~ apre alle {nove|dieci}
a che ora comincia ~?
~ è accanto alla stazione
il treno parte alle {sei|otto}
riunione nella sala {due|cinque}
qualcuno sa dove si trova ~?
sto leggendo di ~
a casa, guardo la tv
~ costa {dieci|venti} euro
il museo chiude il lunedì
domani vado a ~
la relazione è per {martedì|giovedì}
cerco un appartamento in centro
vendo un tavolino
lista della spesa: pane e latte
il film dura due ore
l'autobus va all'aeroporto
la strada è chiusa fino alle dieci
quale autobus va a ~?
secondo il giornale, ~ cambia data
nuovi orari della biblioteca
la partita è {domenica|sabato}
capitolo {tre|sette}
in viaggio verso ~
oggi è {martedì|mercoledì}`),
  },
}

/** The lines of a text, without empty ones. */
function lines(text) {
  return text.trim().split('\n')
}
