// Searches turns, and unfolds what an address points to. Everything can be read without it.
(function(){
var place=document.getElementById('search');if(!place)return;
var box=document.createElement('input');box.type='search';box.placeholder='search turns';
box.setAttribute('aria-label','search turns');
var count=document.createElement('output');place.appendChild(box);place.appendChild(count);
var turns=Array.prototype.slice.call(document.querySelectorAll('article.turn')),texts=null,timer=0;
function search(){
var words=box.value.toLowerCase().split(/\s+/).filter(Boolean),found=0;
if(!texts)texts=turns.map(function(turn){return turn.textContent.toLowerCase()});
turns.forEach(function(turn,i){
var fits=words.every(function(word){return texts[i].indexOf(word)>=0});
turn.classList.toggle('away',!fits);if(fits)found++});
count.textContent=words.length?found+' of '+turns.length+' turns':''}
box.addEventListener('input',function(){clearTimeout(timer);timer=setTimeout(search,120)});
function unfold(){var at=location.hash&&document.getElementById(location.hash.slice(1));
for(var up=at;up;up=up.parentElement)if(up.tagName==='DETAILS')up.open=true;
if(at&&at.firstElementChild&&at.firstElementChild.tagName==='DETAILS')at.firstElementChild.open=true;
if(at)at.scrollIntoView()}
window.addEventListener('hashchange',unfold);unfold();
})();
