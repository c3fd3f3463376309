/** One style for screen and paper: no colour says anything that words do not. */
export const style = [
  ':root{color-scheme:light}body{font:14px/1.45 system-ui,sans-serif;color:#22262b;background:#fff;margin:2rem auto;max-width:78rem;padding:0 1.5rem}',
  'h1{font-size:1.5rem;margin:0 0 .3rem}h2{font-size:1.15rem;margin:2.2rem 0 .4rem;border-bottom:2px solid #22262b;padding-bottom:.2rem}p{margin:.4rem 0}code{font:12px ui-monospace,Menlo,Consolas,"DejaVu Sans Mono",monospace}',
  'dl{display:grid;grid-template-columns:max-content 1fr;gap:.3rem 1.2rem;margin:.6rem 0}dt{font-weight:600}dd{margin:0}',
  'table{border-collapse:collapse;width:100%;margin:.8rem 0}caption{text-align:left;font-weight:600;padding:.3rem 0}th,td{text-align:left;vertical-align:top;padding:.3rem .6rem .3rem 0;border-bottom:1px solid #d5dae0;overflow-wrap:break-word;font-weight:normal}',
  'thead th{font-size:12px;color:#4a4f57;font-weight:600}tbody th,td{font-size:12.5px}',
  '.picture{overflow-x:auto;border:1px solid #d5dae0;margin:.8rem 0;padding:.5rem}.wide{overflow-x:auto}.warn{font-weight:600;color:#8a3b12}.bad{color:#a31515}ul{margin:.3rem 0;padding-left:1.3rem}',
  '@page{size:A4 landscape;margin:12mm}@media print{body{margin:0;max-width:none;padding:0;font-size:9.5pt}h2,h2+p,caption,thead{break-after:avoid}tbody tr:first-child{break-before:avoid}h2{margin-top:1.4rem}tr,.picture,dl{break-inside:avoid}thead{display:table-header-group}',
  '.picture,.wide{overflow:visible;border:0;padding:0}.picture svg{max-width:100%;max-height:165mm;height:auto}tbody th,td{font-size:8pt}thead th{font-size:8pt}*{print-color-adjust:exact;-webkit-print-color-adjust:exact}a{color:inherit}}',
].join('')
