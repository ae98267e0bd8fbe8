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
})()
