;(function () {
  // Each figure is followed by its data. The picture stays below for paper.
  Array.prototype.forEach.call(document.querySelectorAll('.moodlake-figure > .still'), function (still) {
    var place = still.parentElement
    var figure = JSON.parse(place.nextElementSibling.textContent)
    var live = document.createElement('div')
    live.style.minHeight = (figure.layout.height || 380) + 'px'
    if (!window.Plotly) return
    place.insertBefore(live, still)
    place.classList.add('live')
    window.Plotly.newPlot(live, figure.data, figure.layout, Object.assign({}, figure.config, { responsive: true }))
  })
  var sources = Array.prototype.slice.call(document.querySelectorAll('details.source'))
  var contents = document.querySelector('nav.contents')
  if (sources.length && contents) {
    var button = document.createElement('button')
    var open = false
    button.type = 'button'
    button.textContent = 'Show all code'
    button.addEventListener('click', function () {
      open = !open
      sources.forEach(function (source) {
        source.open = open
      })
      button.textContent = open ? 'Hide all code' : 'Show all code'
    })
    contents.appendChild(button)
  }
  // A click on a column's head sorts by it; a second one turns the order round. What is null comes last.
  Array.prototype.forEach.call(document.querySelectorAll('.moodlake-table th'), function (head) {
    function sort() {
      var place = head.cellIndex
      var order = head.getAttribute('aria-sort') === 'ascending' ? 'descending' : 'ascending'
      var body = head.closest('table').tBodies[0]
      var keys = new Map()
      Array.prototype.forEach.call(body.rows, function (row) {
        var cell = row.cells[place]
        var text = cell.textContent
        var number = Number(text.replace(/,/g, ''))
        keys.set(row, cell.querySelector('span') && text === 'null' ? null : Number.isNaN(number) ? text : number)
      })
      function compare(a, b) {
        var left = keys.get(a)
        var right = keys.get(b)
        if (left === null || right === null) return (left === null) - (right === null)
        var by = typeof left === 'number' && typeof right === 'number' ? left - right : String(left).localeCompare(String(right))
        return order === 'ascending' ? by : -by
      }
      Array.from(body.rows).sort(compare).forEach(function (row) {
        body.appendChild(row)
      })
      Array.prototype.forEach.call(head.parentElement.cells, function (other) {
        other.removeAttribute('aria-sort')
      })
      head.setAttribute('aria-sort', order)
    }
    head.tabIndex = 0
    head.addEventListener('click', sort)
    head.addEventListener('keydown', function (event) {
      if (event.key === 'Enter') sort()
    })
  })
})()
