// Comes only to a browser with the cookie. It did not send the cookie because another site led here; from here it does.
location.reload();
