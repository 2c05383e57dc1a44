// Comes only to a browser that has the cookie, which it did not send because another site led here. From here it does.
location.reload();
