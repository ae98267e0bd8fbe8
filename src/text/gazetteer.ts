/** A small gazetteer of ours: large cities and the countries people write into their profile, with the middle of each. */

/** A place: canonical name, the ISO 3166 code of its country, degrees north and east. */
export interface Place {
  name: string
  country: string
  city: boolean
  latitude: number
  longitude: number
}

/** One a line: name|country code|latitude|longitude|other names. */
const CITIES = `
London|GB|51.51|-0.13|ldn,londres,londra,london town
Manchester|GB|53.48|-2.24|mcr
Birmingham|GB|52.48|-1.90|brum
Liverpool|GB|53.41|-2.98|
Leeds|GB|53.80|-1.55|
Bristol|GB|51.45|-2.59|
Glasgow|GB|55.86|-4.25|
Edinburgh|GB|55.95|-3.19|
Cardiff|GB|51.48|-3.18|
Belfast|GB|54.60|-5.93|
Dublin|IE|53.35|-6.26|baile átha cliath
New York|US|40.71|-74.01|nyc,new york city,brooklyn,manhattan,queens,the bronx,big apple
Los Angeles|US|34.05|-118.24|la,l.a.,hollywood
Chicago|US|41.88|-87.63|chi-town,chitown
Houston|US|29.76|-95.37|htx
Phoenix|US|33.45|-112.07|
Philadelphia|US|39.95|-75.17|philly
San Antonio|US|29.42|-98.49|
San Diego|US|32.72|-117.16|
Dallas|US|32.78|-96.80|dfw
Austin|US|30.27|-97.74|atx
San Francisco|US|37.77|-122.42|sf,bay area,sf bay area
Seattle|US|47.61|-122.33|
Denver|US|39.74|-104.99|
Washington|US|38.91|-77.04|washington dc,washington d.c.,dc
Boston|US|42.36|-71.06|
Detroit|US|42.33|-83.05|
Nashville|US|36.16|-86.78|
Portland|US|45.52|-122.68|pdx
Las Vegas|US|36.17|-115.14|vegas
Atlanta|US|33.75|-84.39|atl
Miami|US|25.76|-80.19|
Minneapolis|US|44.98|-93.27|
New Orleans|US|29.95|-90.07|nola
Honolulu|US|21.31|-157.86|
Toronto|CA|43.65|-79.38|the 6ix
Montreal|CA|45.50|-73.57|montréal,mtl
Vancouver|CA|49.28|-123.12|yvr
Calgary|CA|51.05|-114.07|yyc
Ottawa|CA|45.42|-75.70|
Mexico City|MX|19.43|-99.13|ciudad de méxico,cdmx,méxico df
Guadalajara|MX|20.66|-103.35|
Monterrey|MX|25.69|-100.32|
Bogotá|CO|4.71|-74.07|bogota
Medellín|CO|6.24|-75.58|medellin
Lima|PE|-12.05|-77.04|
Santiago|CL|-33.45|-70.67|santiago de chile
Buenos Aires|AR|-34.60|-58.38|caba,capital federal
Córdoba|AR|-31.42|-64.18|
Montevideo|UY|-34.90|-56.16|
Quito|EC|-0.18|-78.47|
Caracas|VE|10.48|-66.90|
São Paulo|BR|-23.55|-46.63|sao paulo,sampa
Rio de Janeiro|BR|-22.91|-43.17|rio
Belo Horizonte|BR|-19.92|-43.94|bh
Salvador|BR|-12.97|-38.50|
Brasília|BR|-15.79|-47.88|brasilia
Porto Alegre|BR|-30.03|-51.22|
Recife|BR|-8.05|-34.88|
Lisbon|PT|38.72|-9.14|lisboa,lissabon,lisbonne
Porto|PT|41.15|-8.61|oporto
Madrid|ES|40.42|-3.70|
Barcelona|ES|41.39|2.17|bcn
Valencia|ES|39.47|-0.38|valència
Seville|ES|37.39|-5.98|sevilla
Bilbao|ES|43.26|-2.93|
Paris|FR|48.86|2.35|parigi,parís
Lyon|FR|45.76|4.84|
Marseille|FR|43.30|5.37|
Toulouse|FR|43.60|1.44|
Bordeaux|FR|44.84|-0.58|
Lille|FR|50.63|3.06|
Nantes|FR|47.22|-1.55|
Brussels|BE|50.85|4.35|bruxelles,brussel,brüssel
Amsterdam|NL|52.37|4.90|
Rotterdam|NL|51.92|4.48|
Berlin|DE|52.52|13.40|berlín,berlino
Hamburg|DE|53.55|9.99|
Munich|DE|48.14|11.58|münchen,muenchen
Cologne|DE|50.94|6.96|köln,koeln
Frankfurt|DE|50.11|8.68|frankfurt am main
Stuttgart|DE|48.78|9.18|
Leipzig|DE|51.34|12.37|
Vienna|AT|48.21|16.37|wien
Zurich|CH|47.37|8.54|zürich
Geneva|CH|46.20|6.14|genève,genf
Rome|IT|41.90|12.50|roma,rom
Milan|IT|45.46|9.19|milano,mailand
Naples|IT|40.85|14.27|napoli
Turin|IT|45.07|7.69|torino
Bologna|IT|44.49|11.34|
Florence|IT|43.77|11.26|firenze
Copenhagen|DK|55.68|12.57|københavn
Stockholm|SE|59.33|18.07|
Oslo|NO|59.91|10.75|
Helsinki|FI|60.17|24.94|
Warsaw|PL|52.23|21.01|warszawa
Prague|CZ|50.08|14.44|praha
Budapest|HU|47.50|19.04|
Athens|GR|37.98|23.73|athina,αθήνα
Istanbul|TR|41.01|28.98|i̇stanbul
Moscow|RU|55.76|37.62|москва
Kyiv|UA|50.45|30.52|kiev,київ
Cairo|EG|30.04|31.24|القاهرة
Lagos|NG|6.52|3.38|
Nairobi|KE|-1.29|36.82|
Accra|GH|5.60|-0.19|
Johannesburg|ZA|-26.20|28.05|joburg,jozi
Cape Town|ZA|-33.92|18.42|
Luanda|AO|-8.84|13.23|
Dubai|AE|25.20|55.27|دبي
Tel Aviv|IL|32.09|34.78|
Mumbai|IN|19.08|72.88|bombay
Delhi|IN|28.61|77.21|new delhi
Bengaluru|IN|12.97|77.59|bangalore
Karachi|PK|24.86|67.01|
Singapore|SG|1.35|103.82|
Kuala Lumpur|MY|3.14|101.69|kl
Jakarta|ID|-6.21|106.85|
Manila|PH|14.60|120.98|metro manila
Bangkok|TH|13.76|100.50|
Hong Kong|HK|22.32|114.17|香港
Shanghai|CN|31.23|121.47|上海
Beijing|CN|39.90|116.41|北京
Seoul|KR|37.57|126.98|서울
Tokyo|JP|35.68|139.69|東京,tōkyō
Osaka|JP|34.69|135.50|大阪
Sydney|AU|-33.87|151.21|
Melbourne|AU|-37.81|144.96|
Brisbane|AU|-27.47|153.03|
Perth|AU|-31.95|115.86|
Auckland|NZ|-36.85|174.76|
Wellington|NZ|-41.29|174.78|`

/** Countries, with regions that people write instead. */
const COUNTRIES = `
United Kingdom|GB|54.0|-2.5|uk,u.k.,great britain,britain,england,scotland,wales,northern ireland,cornwall,yorkshire,inglaterra,royaume-uni
Ireland|IE|53.2|-8.1|éire
United States|US|39.8|-98.6|usa,us,u.s.,u.s.a.,united states of america,america,estados unidos,california,texas,florida,new jersey,ohio,georgia usa,michigan,illinois,pennsylvania,arizona,oregon,colorado,virginia,north carolina,massachusetts,tennessee,minnesota,wisconsin,missouri,maryland,indiana,louisiana,kentucky,alabama,hawaii,nevada,utah,oklahoma,arkansas,kansas,iowa,nebraska,connecticut,south carolina,new mexico,southern california,washington state
Canada|CA|56.1|-106.3|canadá,ontario,quebec,québec,alberta,british columbia,nova scotia,manitoba
Mexico|MX|23.6|-102.6|méxico
Brazil|BR|-14.2|-51.9|brasil
Argentina|AR|-38.4|-63.6|
Chile|CL|-35.7|-71.5|
Colombia|CO|4.6|-74.3|
Peru|PE|-9.2|-75.0|perú
Venezuela|VE|6.4|-66.6|
Uruguay|UY|-32.5|-55.8|
Spain|ES|40.5|-3.7|españa,espagne,spanien,spagna
Portugal|PT|39.4|-8.2|
France|FR|46.2|2.2|francia,frankreich
Belgium|BE|50.5|4.5|belgique,belgië
Netherlands|NL|52.1|5.3|the netherlands,nederland,holland
Germany|DE|51.2|10.5|deutschland,alemania,allemagne,germania
Austria|AT|47.5|14.6|österreich
Switzerland|CH|46.8|8.2|schweiz,suisse,svizzera
Italy|IT|41.9|12.6|italia,italien,italie
Denmark|DK|56.3|9.5|danmark
Sweden|SE|60.1|18.6|sverige
Norway|NO|60.5|8.5|norge
Finland|FI|61.9|25.7|suomi
Poland|PL|51.9|19.1|polska
Greece|GR|39.1|21.8|
Turkey|TR|39.0|35.2|türkiye
Ukraine|UA|48.4|31.2|
Russia|RU|61.5|105.3|россия
Israel|IL|31.4|35.0|
Qatar|QA|25.3|51.2|
United Arab Emirates|AE|24.0|54.0|uae
Saudi Arabia|SA|23.9|45.1|ksa
Egypt|EG|26.8|30.8|
Nigeria|NG|9.1|8.7|naija
Kenya|KE|-0.02|37.9|
Ghana|GH|7.9|-1.0|
South Africa|ZA|-30.6|22.9|mzansi
Angola|AO|-11.2|17.9|
India|IN|20.6|79.0|bharat
Pakistan|PK|30.4|69.3|
Indonesia|ID|-0.8|113.9|
Malaysia|MY|4.2|102.0|
Philippines|PH|12.9|121.8|the philippines,pilipinas
Japan|JP|36.2|138.3|日本
China|CN|35.9|104.2|中国
Australia|AU|-25.3|133.8|victoria australia,queensland,new south wales,nsw,western australia,tasmania
New Zealand|NZ|-40.9|174.9|nz,aotearoa`

function read(lines: string, city: boolean): { place: Place; names: string[] }[] {
  return lines
    .trim()
    .split('\n')
    .map(line => {
      const [name, country, latitude, longitude, others] = line.split('|')
      const place = { name: name!, country: country!, city, latitude: Number(latitude), longitude: Number(longitude) }
      return { place, names: [name!.toLowerCase(), ...(others ? others.split(',') : [])] }
    })
}

const entries = [...read(CITIES, true), ...read(COUNTRIES, false)]

/** All places, cities first. */
export const PLACES: readonly Place[] = entries.map(({ place }) => place)

/** Places by every lower-cased name they go by. */
export const PLACE_BY_NAME: ReadonlyMap<string, Place> = new Map(
  entries.flatMap(({ place, names }) => names.map(name => [name.normalize('NFC'), place] as const)),
)
