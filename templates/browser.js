/* Filters over tweets that lie in the page; src/explore/tweet-browser.ts writes them, and says which tweet passes. Text of strangers only ever becomes textContent. */
function moodlakeBrowser(id, passes) {
  var place = document.getElementById(id)
  var data = JSON.parse(document.getElementById(id + '-data').textContent)
  var filters = Object.assign({ fromHour: 0, toHour: 23 }, data.filters)
  var shownTweets = 20
  var svgSpace = 'http://www.w3.org/2000/svg'

  function element(name, properties, parent) {
    var made = Object.assign(document.createElement(name), properties)
    if (parent) parent.appendChild(made)
    return made
  }
  function drawn(name, attributes, parent, text) {
    var made = document.createElementNS(svgSpace, name)
    Object.keys(attributes).forEach(function (key) {
      made.setAttribute(key, attributes[key])
    })
    if (text !== undefined) made.textContent = text
    parent.appendChild(made)
    return made
  }
  /** The commonest values of something, with their counts. */
  function commonest(of) {
    var counts = new Map()
    data.tweets.forEach(function (tweet) {
      of(tweet).forEach(function (value) {
        if (value) counts.set(value, (counts.get(value) || 0) + 1)
      })
    })
    return Array.from(counts)
      .sort(function (a, b) {
        return b[1] - a[1] || (a[0] < b[0] ? -1 : 1)
      })
      .slice(0, 50)
  }
  function control(name, words) {
    var label = element('label', { textContent: words + ' ' }, controls)
    label.style.cssText = 'display:inline-block;margin:0 1em .4em 0'
    return label
  }
  function listen(input, name, read) {
    input.name = name
    input.style.maxWidth = '13em'
    input.addEventListener('input', function () {
      filters[name] = read(input.value)
      shownTweets = 20
      draw()
    })
  }
  function menu(name, words, values) {
    if (!values.length) return
    var select = element('select', {}, control(name, words))
    element('option', { value: '', textContent: 'all' }, select)
    values.forEach(function (value) {
      element('option', { value: value[0], textContent: value[0] + ' (' + value[1].toLocaleString('en-US') + ')' }, select)
    })
    select.value = filters[name] || ''
    listen(select, name, String)
  }
  function hour(name, words) {
    var input = element('input', { type: 'number', min: 0, max: 23, value: filters[name] }, control(name, words))
    input.style.width = '3.5em'
    listen(input, name, Number)
  }

  var title = place.firstElementChild
  place.textContent = ''
  place.appendChild(title)
  var controls = element('div', {}, place)
  var keyword = element('input', { type: 'search', value: filters.keyword || '' }, control('keyword', 'keyword'))
  listen(keyword, 'keyword', String)
  menu('lang', 'language', commonest(function (tweet) { return [tweet[2]] }))
  menu('sentiment', 'class', commonest(function (tweet) { return [data.labels[tweet[1]]] }))
  menu('topic', 'topic', commonest(function (tweet) { return tweet[6] }))
  menu('place', 'place', commonest(function (tweet) { return [tweet[3]] }))
  hour('fromHour', 'from hour')
  hour('toHour', 'to hour (UTC)')
  var summary = element('p', { className: 'moodlake-browser-count' }, place)
  var chart = element('div', {}, place)
  var list = element('div', {}, place)

  /** Bars of the share of each class per bin of time, at most 60 of them. */
  function drawChart(tweets) {
    chart.textContent = ''
    if (!tweets.length) return
    var times = data.tweets.map(function (tweet) { return tweet[0] })
    var first = times[times.length - 1]
    var last = times[0]
    var bin = [3600, 10800, 86400, 604800, 2592000].find(function (seconds) { return (last - first) / seconds <= 60 }) || 31536000
    var start = Math.floor(first / bin) * bin
    var bins = []
    for (var at = start; at <= last; at += bin) bins.push([0, 0, 0])
    tweets.forEach(function (tweet) { bins[Math.floor((tweet[0] - start) / bin)][tweet[1]]++ })
    var width = 760
    var height = 190
    var svg = drawn('svg', { viewBox: '0 0 ' + width + ' ' + height, role: 'img', 'aria-label': summary.textContent }, chart)
    svg.style.cssText = 'width:100%;max-width:' + width + 'px;font:11px system-ui,sans-serif'
    var left = 44
    var bottom = height - 34
    var step = (width - left - 8) / bins.length
    ;[0, 50, 100].forEach(function (share) {
      var y = bottom - (share / 100) * (bottom - 24)
      drawn('line', { x1: left, x2: width - 8, y1: y, y2: y, stroke: 'rgba(128,128,128,.35)' }, svg)
      drawn('text', { x: left - 6, y: y + 4, 'text-anchor': 'end', fill: '#7b7b7b' }, svg, share + ' %')
    })
    bins.forEach(function (counts, i) {
      var total = counts[0] + counts[1] + counts[2]
      var y = bottom
      counts.forEach(function (count, kind) {
        if (!count) return
        var tall = (count / total) * (bottom - 24)
        y -= tall
        var bar = drawn('rect', { x: left + i * step, y: y, width: Math.max(1, step - 1), height: tall, fill: data.colours[kind] }, svg)
        var when = new Date((start + i * bin) * 1000).toISOString().slice(0, bin < 86400 ? 16 : 10).replace('T', ' ')
        drawn('title', {}, bar, when + ' UTC: ' + count + ' of ' + total + ' ' + data.labels[kind])
      })
      if (i % Math.ceil(bins.length / 7) === 0)
        drawn('text', { x: left + i * step, y: bottom + 15, fill: '#7b7b7b' }, svg, new Date((start + i * bin) * 1000).toISOString().slice(5, bin < 86400 ? 13 : 10).replace('T', ' '))
    })
    data.labels.forEach(function (name, kind) {
      drawn('rect', { x: left + kind * 90, y: 4, width: 10, height: 10, fill: data.colours[kind] }, svg)
      drawn('text', { x: left + 15 + kind * 90, y: 13, fill: '#7b7b7b' }, svg, name)
    })
    var unit = { 3600: 'hour', 10800: 'three hours', 86400: 'day', 604800: 'week', 2592000: 'thirty days' }[bin] || 'year'
    drawn('text', { x: width - 8, y: height - 4, 'text-anchor': 'end', fill: '#7b7b7b' }, svg, 'share of each class per ' + unit + ' (UTC)')
  }
  function drawList(tweets) {
    list.textContent = ''
    tweets.slice(0, shownTweets).forEach(function (tweet) {
      var line = element('p', {}, list)
      line.style.cssText = 'margin:.25em 0;padding-left:.6em;overflow-wrap:anywhere;border-left:4px solid ' + data.colours[tweet[1]]
      line.title = data.labels[tweet[1]]
      var head = element('small', { textContent: new Date(tweet[0] * 1000).toISOString().slice(0, 16).replace('T', ' ') + ' ' }, line)
      head.style.opacity = '.7'
      element('bdi', { textContent: tweet[4] }, head)
      line.appendChild(document.createTextNode(' '))
      element('bdi', { textContent: tweet[5] }, line)
    })
    if (tweets.length <= shownTweets) return
    var more = element('button', { type: 'button', textContent: 'more' }, list)
    more.addEventListener('click', function () {
      shownTweets += 50
      drawList(tweets)
    })
  }
  function draw() {
    var tweets = data.tweets.filter(function (tweet) { return passes(tweet, filters, data.labels) })
    var shares = data.labels.map(function (name, kind) {
      var count = tweets.filter(function (tweet) { return tweet[1] === kind }).length
      return name + ' ' + ((100 * count) / Math.max(1, tweets.length)).toFixed(1) + ' %'
    })
    summary.textContent = 'n = ' + tweets.length.toLocaleString('en-US') + ' of ' + data.tweets.length.toLocaleString('en-US') + ' tweets' + data.left + ': ' + shares.join(', ')
    drawChart(tweets)
    drawList(tweets)
  }
  draw()
}
