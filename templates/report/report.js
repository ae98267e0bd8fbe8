;(function () {
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
  // A printed page is narrower than the window: charts are fitted to it and back.
  function fit() {
    if (!window.Plotly) return
    Array.prototype.forEach.call(document.querySelectorAll('.js-plotly-plot'), function (plot) {
      window.Plotly.Plots.resize(plot)
    })
  }
  window.addEventListener('beforeprint', fit)
  window.addEventListener('afterprint', fit)
})()
